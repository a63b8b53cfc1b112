import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  Application,
  Comment,
  CommentTag,
  Converter,
  type DeclarationReflection,
  IntrinsicType,
  makeRecursiveVisitor,
  type ProjectReflection,
  type Reflection,
  ReflectionKind,
  type TypeDocOptions,
} from "typedoc";
import { MemberRouter, load as markdown, type PluginOptions } from "typedoc-plugin-markdown";
import { load as vitepress } from "typedoc-vitepress-theme";
import { docs, exportedPaths, name, root } from "./.vitepress/repository";

/** The purpose of each entry point, by its folder in src/. A missing one fails the build. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  "": "What your functions and your schema import.",
  client: "The clients of `convex/browser`, for the transport `client`.",
  react: "The client and the hooks of `convex/react`, for the transport `client`.",
  nextjs: "The functions of `convex/nextjs`, for the transport `client`.",
  aggregate: "A view's `compute` made from an `@convex-dev/aggregate`.",
  test: "What your own tests need, under `convex-test`.",
};

/** The categories of the main entry point's exports. An export without a category fails the build. */
const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  "Declare views": [
    ...["viewTable", "defineView", "ViewOptions", "CommonOptions", "ComputeOption", "PagedOptions", "TimeoutOption"],
    ...["Mode", "ChangeOf", "Duration", "ViewTable", "Shape"],
  ],
  "Say when rows are stale": [
    ...["invalidated", "olderThan", "changed", "when", "anyOf", "allOf", "not", "Staleness", "Verdict"],
  ],
  "Read and change views": [
    ...["View", "ViewRead", "RowRead", "RowState", "Row", "Rows", "RunProgress", "Explanation", "Documents"],
  ],
  "Schedule effects": ["ScheduleEffect", "EffectOptions", "EffectCtx", "effectsOf", "EffectTarget", "Effect"],
  "Wire an app": [
    ...["LazyViews", "LazyViewsOptions", "LazyFunctions", "LazyBuilder", "Transport", "lazyTables", "EFFECTS_PATH"],
    ...["InspectReport", "ViewReport", "StreamHealth", "TailHealth", "Failure", "DispatchCounts", "RecomputeOutcome"],
  ],
  "Types for generic code": [
    ...["AnyView", "ReadCtx", "WriteCtx", "Has", "Needs", "ShapeType", "StandardSchema", "QueryMode", "PagedPart"],
  ],
};

/** Types that are long for TypeScript's sake, and the shorter types that the reference shows instead. */
const IN_SHORT: Readonly<Record<string, string>> = {
  lazyTables: "Record<string, TableDefinition>",
  ViewTable: "TableDefinition & { shape: { key: K; value: V } }",
  "LazyFunctions.recompute": 'RegisteredMutation<"internal">',
  "LazyFunctions.dispatch": 'RegisteredMutation<"internal">',
  "LazyFunctions.sweep": 'RegisteredMutation<"internal">',
  "LazyFunctions.inspect": 'RegisteredQuery<"internal", { view?: string; key?: unknown }, Promise<InspectReport>>',
  "LazyFunctions.act": 'RegisteredAction<"internal">',
  "LazyFunctions.tail": 'RegisteredAction<"internal", {}>',
};

/** Members that only the library uses. */
const INTERNAL = ["View.definition"];

/** Types that signatures name but users do not need: they have no page. */
const UNNAMED = [
  ...["AggregateCtx", "Ctx", "DbCtx", "DocumentOf", "NeedsLazyTables", "NotPaged", "StandardResult", "Unsubscribe"],
];

/** Parts of types of Convex's clients, convex-test and vitest, whose own documentation explains the members. */
const DOCUMENTED_ELSEWHERE = ["QuietLogger", "TestConvexLike", "Clock"];

type Plugin = (app: Application) => void;
type Options = Partial<TypeDocOptions & PluginOptions> & { docsRoot: string };

/** Writes docs/reference/ from the doc comments of all exports. @throws Error when one is missing or wrong. */
export async function writeReference(): Promise<void> {
  const out = join(docs, "reference");
  const options: Options = {
    name: "Reference",
    plugin: [markdown as Plugin, vitepress as Plugin, addPages],
    entryPoints: entryPoints().map((folder) => join(root, "src", folder, "index.ts")),
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
    sortEntryPoints: false,
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
    validation: { notExported: true, invalidLink: true },
    intentionallyNotExported: UNNAMED,
    treatValidationWarningsAsErrors: true,
    logLevel: "Warn",
  };
  const app = await Application.bootstrapWithPlugins(options);
  rmSync(out, { recursive: true, force: true });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read src/.");
  checkComments(project);
  app.validate(project);
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error("Mend the doc comments that are named above.");
}

/** The folders of the entry points in package.json. */
function entryPoints(): string[] {
  const folders = exportedPaths.filter((path) => path !== "./package.json").map((path) => path.replace(/^\.\/?/, ""));
  const missing = folders.filter((folder) => ENTRY_POINTS[folder] === undefined);
  if (missing.length > 0) throw new Error(`docs/reference.ts: say what ${missing.join(", ")} is for.`);
  return folders;
}

/** The name of a page's symbol, without its type parameters. */
function plainName(member: string): string {
  return member.replace(/\\?<.*/, "");
}

/** Runs a handler after TypeDoc has made the categories: lower priorities come later. */
const LAST = -1_000;

function addPages(app: Application): void {
  app.renderer.defineRouter("reference", ReferenceRouter as never);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => prepare(project));
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => sortCategories(project), LAST);
}

/** Names the modules, and removes types that only TypeScript needs. */
function prepare(project: ProjectReflection): void {
  for (const module of project.children ?? []) {
    const folder = module.name === "index" ? "" : module.name;
    module.name = folder === "" ? name : `${name}/${folder}`;
    module.comment = new Comment([{ kind: "text", text: ENTRY_POINTS[folder] ?? "" }]);
    for (const symbol of module.children ?? []) {
      if (module.name === name) categorize(symbol);
      for (const each of [symbol, ...(symbol.children ?? [])]) {
        const path = each === symbol ? symbol.name : `${symbol.name}.${each.name}`;
        if (INTERNAL.includes(path)) project.removeReflection(each);
        const short = IN_SHORT[path];
        if (short !== undefined) shorten(project, each, short);
      }
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

/** Sorts the categories as in `CATEGORIES`. */
function sortCategories(project: ProjectReflection): void {
  for (const { title, children } of (project.children ?? []).flatMap(({ categories = [] }) => categories)) {
    const names = CATEGORIES[title] ?? [];
    children.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  }
}

function shorten(project: ProjectReflection, symbol: DeclarationReflection, text: string): void {
  for (const each of Object.values(project.reflections)) {
    if (each !== symbol && isInside(each, symbol) && project.reflections[each.id]) project.removeReflection(each);
  }
  symbol.type = new IntrinsicType(text);
}

function isInside(reflection: Reflection, outer: Reflection): boolean {
  return reflection.parent !== undefined && (reflection.parent === outer || isInside(reflection.parent, outer));
}

const WITHOUT_LONG_ARGUMENTS = makeRecursiveVisitor({
  reference: (type) => {
    if ((type.typeArguments ?? []).length > 2) delete type.typeArguments;
  },
});

/** Removes noise: type parameters, long type arguments, and overloads with the same comment. */
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
  if (reflection.isDeclaration() || reflection.isSignature() || reflection.isParameter()) {
    reflection.type?.visit(WITHOUT_LONG_ARGUMENTS);
  }
}

/** @throws Error that lists the exports, and the members of classes and interfaces, without a comment. */
function checkComments(project: ProjectReflection): void {
  const symbols = (project.children ?? []).flatMap(({ children = [] }) => children);
  const holders = symbols.filter(
    (each) => each.kindOf(ReflectionKind.ClassOrInterface) && !DOCUMENTED_ELSEWHERE.includes(each.name),
  );
  const all = [...symbols, ...holders.flatMap(({ children = [] }) => children)].filter(
    (each) => !each.kindOf([ReflectionKind.Constructor, ReflectionKind.Reference]),
  );
  const hasComment = (each: DeclarationReflection) =>
    [each, ...each.getNonIndexSignatures()].some((part) => part.hasComment());
  const missing = all.filter((each) => !hasComment(each)).map((each) => each.getFullName());
  if (missing.length > 0) throw new Error(`Write a doc comment for ${missing.join(", ")}.`);
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
