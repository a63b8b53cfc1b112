import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  Application,
  Comment,
  CommentTag,
  Converter,
  type DeclarationReflection,
  IntrinsicType,
  type ProjectReflection,
  type Reflection,
  ReflectionKind,
  type TypeDocOptions,
} from "typedoc";
import { MemberRouter, load as markdown, type PluginOptions } from "typedoc-plugin-markdown";
import { load as vitepress } from "typedoc-vitepress-theme";
import { docs, name, root } from "./.vitepress/repository";

/** The folders of src/ that users import from. */
const ENTRY_POINTS = ["", "client", "react", "nextjs", "aggregate", "test"];

/** What the names of the main entry point are for. One that stands nowhere fails. */
const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  "Declare views": [
    ...["viewTable", "defineView", "ViewOptions", "CommonOptions", "ComputeOption", "PagedOptions", "TimeoutOption"],
    ...["Mode", "QueryMode", "ChangeOf", "PagedPart", "Duration", "ViewTable", "Shape"],
  ],
  "Say when rows are stale": [
    ...["invalidated", "olderThan", "changed", "when", "anyOf", "allOf", "not", "Staleness", "Verdict"],
  ],
  "Read and change views": [
    ...["View", "ViewRead", "RowRead", "RowState", "Row", "Rows", "RunProgress", "Explanation", "Documents"],
  ],
  "Schedule effects": ["ScheduleEffect", "EffectOptions", "EffectTarget", "EffectCtx", "effectsOf", "Effect"],
  "Wire an app": [
    ...["LazyViews", "LazyViewsOptions", "LazyFunctions", "LazyBuilder", "Transport", "lazyTables", "EFFECTS_PATH"],
    ...["InspectReport", "ViewReport", "StreamHealth", "TailHealth", "Failure", "DispatchCounts", "RecomputeOutcome"],
  ],
  "Types for generic code": ["AnyView", "ReadCtx", "WriteCtx", "Has", "Needs", "ShapeType", "StandardSchema"],
};

/** What stands for a type that is of no use to a reader: it is spelled out for TypeScript only. */
const IN_SHORT: Readonly<Record<string, string>> = {
  lazyTables: "Record<string, TableDefinition>",
  ViewTable: "TableDefinition & { shape: { key: K; value: V } }",
};

/** Types of the library that a signature names and no user needs: they have no page. */
const UNNAMED = ["Unannotated", "Unknown", "NeedsLazyTables", "ViewDefinition"];

type Plugin = (app: Application) => void;
type Options = Partial<TypeDocOptions & PluginOptions> & { docsRoot: string };

/** Writes docs/reference/ from the doc comments of what users import. @throws Error when one is missing or wrong. */
export async function writeReference(): Promise<void> {
  const out = join(docs, "reference");
  const options: Options = {
    name: "Reference",
    plugin: [markdown as Plugin, vitepress as Plugin, addPages],
    entryPoints: ENTRY_POINTS.map((folder) => join(root, "src", folder, "index.ts")),
    tsconfig: join(root, "tsconfig.build.json"),
    out,
    docsRoot: docs,
    readme: "none",
    excludePrivate: true,
    excludeProtected: true,
    excludeInternal: true,
    excludeExternals: true,
    disableGit: true,
    disableSources: true,
    sort: ["source-order"],
    kindSortOrder: ["Function", "Class", "Variable", "Interface", "TypeAlias"],
    categorizeByGroup: false,
    categoryOrder: [...Object.keys(CATEGORIES), "*"],
    navigation: { includeCategories: true, includeGroups: false, includeFolders: false },
    router: "reference",
    hideBreadcrumbs: true,
    hideGroupHeadings: true,
    useCodeBlocks: true,
    expandObjects: true,
    expandParameters: true,
    indexFormat: "table",
    parametersFormat: "table",
    pageTitleTemplates: { member: ({ name: member }) => plainName(member), module: ({ name: module }) => module },
    validation: { notExported: true, invalidLink: true, notDocumented: true },
    intentionallyNotExported: UNNAMED,
    treatValidationWarningsAsErrors: false,
    logLevel: "Warn",
  };
  const app = await Application.bootstrapWithPlugins(options);
  rmSync(out, { recursive: true, force: true });
  const project = await app.convert();
  if (project === undefined) throw new Error("The reference could not be made of src/.");
  app.validate(project);
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error("Mend the doc comments that are named above.");
}

/** The name of a page's symbol, without its type parameters. */
function plainName(member: string): string {
  return member.replace(/\\?<.*/, "");
}

function addPages(app: Application): void {
  app.renderer.defineRouter("reference", ReferenceRouter as never);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => prepare(project));
}

/** Gives the modules their names, and leaves out what only TypeScript needs. */
function prepare(project: ProjectReflection): void {
  for (const module of project.children ?? []) {
    module.name = module.name === "index" ? name : `${name}/${module.name}`;
    for (const symbol of module.children ?? []) {
      if (module.name === name) categorize(symbol);
      const short = IN_SHORT[symbol.name];
      if (short !== undefined) shorten(project, symbol, short);
    }
  }
  for (const reflection of Object.values(project.reflections)) simplify(project, reflection);
}

function categorize(symbol: DeclarationReflection): void {
  const found = Object.entries(CATEGORIES).find(([, names]) => names.includes(symbol.name));
  if (found === undefined) throw new Error(`docs/reference.ts: add ${symbol.name} to a category.`);
  for (const each of symbol.signatures ?? [symbol]) {
    each.comment ??= new Comment();
    each.comment.blockTags.push(new CommentTag("@category", [{ kind: "text", text: found[0] }]));
  }
}

function shorten(project: ProjectReflection, symbol: DeclarationReflection, text: string): void {
  symbol.type?.visit({ reflection: ({ declaration }) => project.removeReflection(declaration) });
  symbol.type = new IntrinsicType(text);
}

/** Type parameters without a comment say nothing that the signature does not; nor do overloads with the same comment. */
function simplify(project: ProjectReflection, reflection: Reflection): void {
  if (reflection.isDeclaration() || reflection.isSignature()) {
    const named = reflection.typeParameters?.filter((parameter) => parameter.hasComment());
    if (named?.length === 0) delete reflection.typeParameters;
  }
  if (reflection.isDeclaration() && reflection.kindOf(ReflectionKind.Method)) {
    const textOf = (reflection: Reflection) => Comment.combineDisplayParts(reflection.comment?.summary);
    const [first, ...others] = reflection.signatures ?? [];
    for (const other of others) if (first && textOf(other) === textOf(first)) project.removeReflection(other);
  }
}

/** One page for each name: functions and classes below their module, types in its folder `types`. */
class ReferenceRouter extends MemberRouter {
  override getIdealBaseName(reflection: Reflection): string {
    const isModule = reflection.kindOf(ReflectionKind.Module);
    const module = isModule ? reflection : reflection.parent;
    const folder = module?.name.split("/").at(-1);
    if (isModule) return `${folder}/index`;
    const isType = reflection.kindOf([ReflectionKind.Interface, ReflectionKind.TypeAlias]);
    return `${folder}/${isType ? "types/" : ""}${reflection.name}`;
  }
}
