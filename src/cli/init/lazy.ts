import { EXPORTS_OF_ALL } from "../../model/exports.js";
import { Edit } from "./edit.js";
import { type FoundLazy, type FoundView, PACKAGE, type Project, stemOf } from "./project.js";
import { ByHand, type Draft } from "./step.js";
import {
  callOf,
  type Expression,
  objectOf,
  propertyOf,
  type Source,
  type Statement,
  textOf,
  unwrap,
} from "./syntax.js";

/** Names in a new module that no import may have. */
const NAMES = ["lazy", "query", "internalQuery", "mutation", "internalMutation", "LazyViews", "DataModel"];

/** Plans the module that wires the library: it lists the views, and exports the library's functions. */
export function planLazy(project: Project, isTypeScript: boolean): Draft {
  const lazy = project.lazy();
  return lazy ? extend(project, lazy) : create(project, isTypeScript);
}

/** The path of a new module for the wiring: `lazy`, unless the app has a module of this name already. */
export function newModule(project: Project): string {
  return project.fileOf("lazy") === undefined ? "lazy" : "lazyViews";
}

function create(project: Project, isTypeScript: boolean): Draft {
  const module = newModule(project);
  if (project.fileOf(module)) {
    throw new ByHand("the app has lazy and lazyViews already, without new LazyViews({ … })", [
      `export const lazy = new LazyViews({ module: "lazy", views: {} });`,
      functionsLine([...EXPORTS_OF_ALL, "tail"]),
    ]);
  }
  const edit = new Edit(project, `${module}.${isTypeScript ? "ts" : "js"}`);
  const builders = ["query", "internalQuery", "mutation", "internalMutation"];
  const taken = new Set([...NAMES, ...EXPORTS_OF_ALL, "tail", "act"]);
  const views = project.views().filter(({ exported }) => exported !== undefined);
  const imports = views.map((view) => importOf(view, edit, taken));
  const names = imports.map(({ local }) => local).join(", ");
  const code = [
    `import { LazyViews } from "${PACKAGE}";`,
    ...(isTypeScript ? [`import type { DataModel } from "${edit.specifier("_generated/dataModel")}";`] : []),
    "import {",
    ...[...builders].sort().map((name) => `  ${name} as ${rawName(name)},`),
    `} from "${edit.specifier("_generated/server")}";`,
    ...imports.map(({ name, from }) => `import { ${name} } from "${from}";`),
    "",
    "/** Wires the views to the app. Define queries and mutations with the builders below. */",
    `export const lazy = new LazyViews${isTypeScript ? "<DataModel>" : ""}({`,
    `  module: "${module}",`,
    `  views: {${names && ` ${names} `}},`,
    "});",
    functionsLine(exportsFor(views, undefined)),
    ...builders.map((name) => {
      const builder = name.replace("internal", "").toLowerCase();
      return `export const ${name} = lazy.${builder}(${rawName(name)});`;
    }),
    "",
  ];
  edit.write(code.join("\n"));
  return { edit, isNew: true, kept: [] };
}

const rawName = (name: string): string => `raw${name[0]?.toUpperCase()}${name.slice(1)}`;
const functionsLine = (names: string[]): string => `export const { ${names.join(", ")} } = lazy.functions();`;

function extend(project: Project, lazy: FoundLazy): Draft {
  const { source, local } = lazy;
  const edit = new Edit(project, source.file, source);
  const call = callOf(source, PACKAGE, "LazyViews", source.constants.get(local) as Expression);
  const options = objectOf(source, call?.arguments[0]);
  const missing = project.views().filter((view) => !isMentioned(project, view));
  const own = missing.filter((view) => view.source === source).map((view) => view.local);
  const taken = new Set(source.names);
  const foreign = missing.filter((view) => view.exported !== undefined && view.source !== source);
  const imports = foreign.map((view) => importOf(view, edit, taken));
  const locals = [...own, ...imports.map((each) => each.local)];
  const lines = () => [
    ...imports.map(({ name, from }) => edit.importLine(name, from)),
    ...(locals.length > 0 ? [`views: { …, ${locals.join(", ")} }`] : []),
  ];
  for (const { source: declaring, name } of foreign) {
    const isCircular = [...declaring.imports.values()].some(({ from }) => project.resolve(declaring, from) === source);
    if (!isCircular) continue;
    throw new ByHand(`${declaring.file} imports it: move the view "${name}" to a file that does not`, lines());
  }
  if (options === undefined) throw new ByHand("the options of new LazyViews() are not an object literal", lines());
  const given = propertyOf(options, "views");
  const views = given && objectOf(source, given);
  if (given && !views && locals.length > 0) throw new ByHand("its views are not an object literal", lines());

  const names = neededNames(project.views(), options);
  const exporting = findFunctions(project, lazy);
  const module = stemOf((exporting?.source ?? source).file);
  const saidModule = textOf(propertyOf(options, "module"));
  if (saidModule !== undefined && saidModule !== module) {
    throw new ByHand(`module is "${saidModule}", and the functions are exported from ${module}`, [
      `module: "${module}"`,
    ]);
  }
  const exported = (exporting?.source ?? source).exports;
  const forgotten = names.filter((name) => !exported.has(name));
  if (exporting && exporting.source !== source && forgotten.length > 0) {
    const { file } = exporting.source;
    throw new ByHand(`${file} exports the library's functions`, [...lines(), functionsLine(forgotten)]);
  }
  for (const { name, from } of imports) edit.import(name, from);
  if (views) edit.addTo(views, locals);
  else if (!given) edit.addTo(options, [`views: { ${locals.join(", ")} }`]);
  if (forgotten.length > 0) {
    if (exporting) edit.addTo(exporting.pattern, forgotten);
    else edit.addAfter(statementOf(source, local), functionsLine(forgotten).replace("lazy.", `${local}.`));
  }
  const kept = [`views: ${project.views().length}`, `exports: ${names.join(", ")}`];
  return { edit, isNew: false, kept };
}

/** Whether an object in the app contains the view, such as `views: { … }`. */
function isMentioned(project: Project, { source, local }: FoundView): boolean {
  const wanted = `${source.file}#${local}`;
  return project.fileWith(({ type }, _, root) => type === "ObjectProperty" && root === wanted) !== undefined;
}

/** The import of a view, with a name that the module does not have yet. */
function importOf({ name, source, exported = "" }: FoundView, edit: Edit, taken: Set<string>) {
  const candidates = [exported, name, `${name}View`].filter((each) => each !== "default");
  const local = candidates.find((each) => !taken.has(each)) ?? `${name}View${taken.size}`;
  taken.add(local);
  const from = edit.specifier(source.file);
  return { local, from, name: local === exported ? local : `${exported} as ${local}` };
}

function neededNames(views: FoundView[], options: Parameters<typeof propertyOf>[0]): string[] {
  const transports = propertyOf(options, "transports");
  const listed = transports && unwrap(transports);
  if (listed?.type !== "ArrayExpression") return exportsFor(views, undefined);
  return exportsFor(
    views,
    listed.elements.map((each) => textOf(each as Expression) ?? ""),
  );
}

/** The exports that the app needs. @param transports - The option of the app; undefined for the default. */
function exportsFor(views: FoundView[], transports: string[] = ["logStream", "logTail"]): string[] {
  return [
    ...EXPORTS_OF_ALL,
    ...(transports.includes("logTail") ? ["tail"] : []),
    ...(views.some(({ isAction }) => isAction) ? ["act"] : []),
    ...(transports.includes("client") ? ["forward"] : []),
  ];
}

/** Finds `export const { … } = lazy.functions();`, in any module. */
function findFunctions(project: Project, lazy: FoundLazy) {
  const wanted = `${lazy.source.file}#${lazy.local}`;
  for (const source of project.sources.values()) {
    for (const statement of source.body) {
      const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : undefined;
      if (declaration?.type !== "VariableDeclaration") continue;
      for (const { id, init } of declaration.declarations) {
        if (id.type !== "ObjectPattern" || id.typeAnnotation || init?.type !== "CallExpression") continue;
        const { callee } = init;
        if (callee.type !== "MemberExpression" || callee.object.type !== "Identifier") continue;
        const isFunctions = callee.property.type === "Identifier" && callee.property.name === "functions";
        if (isFunctions && project.identity(source, callee.object.name) === wanted) return { source, pattern: id };
      }
    }
  }
  return undefined;
}

/** The statement that declares a constant. */
function statementOf({ body }: Source, name: string): Statement {
  const declares = (statement: Statement): boolean =>
    statement.type === "ExportNamedDeclaration"
      ? !!statement.declaration && declares(statement.declaration)
      : statement.type === "VariableDeclaration" &&
        statement.declarations.some(({ id }) => id.type === "Identifier" && id.name === name);
  return body.find(declares) as Statement;
}
