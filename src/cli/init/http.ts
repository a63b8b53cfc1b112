import { Edit } from "./edit.js";
import { newModule } from "./lazy.js";
import { type Project, stemOf } from "./project.js";
import { ByHand, type Draft } from "./step.js";
import { type AnyNode, callOf, type Expression, type Source, type Statement, unwrap, walk } from "./syntax.js";

/** Plans the HTTP routes: the log stream and `relay` post to the route that `lazy.registerRoutes(http)` adds. */
export function planHttp(project: Project, isTypeScript: boolean): Draft {
  const file = project.fileOf("http");
  const source = file === undefined ? undefined : project.sources.get(file);
  const edit = new Edit(project, file ?? `http.${isTypeScript ? "ts" : "js"}`, source);
  const lazy = project.lazy();
  const module = lazy ? stemOf(lazy.source.file) : newModule(project);
  const from = edit.specifier(module);
  if (isRegistered(project)) return { edit, isNew: false, kept: ["lazy.registerRoutes(http)"] };
  const exported = lazy ? lazy.exported : "lazy";
  if (exported === undefined) {
    throw new ByHand(`${module} does not export the constant of new LazyViews({ … })`, [
      `export const ${lazy?.local} = …`,
    ]);
  }
  if (source === undefined) {
    const lines = [
      'import { httpRouter } from "convex/server";',
      `import { ${exported === "lazy" ? exported : `${exported} as lazy`} } from "${from}";`,
      "",
      "const http = httpRouter();",
      "lazy.registerRoutes(http);",
      "",
      "export default http;",
      "",
    ];
    edit.write(lines.join("\n"));
    return { edit, isNew: true, kept: [] };
  }
  const there = [...source.imports].find(([name]) => isLazy(project, source, name))?.[0];
  const local = there ?? [exported, "lazy", "lazyViews"].find((name) => name !== "default" && !source.names.has(name));
  const line = edit.importLine(exported === local ? exported : `${exported} as ${local ?? "lazyViews"}`, from);
  const router = routerOf(source);
  if (router === undefined || local === undefined) {
    const call = `${local ?? "lazyViews"}.registerRoutes(http); // the router that the module exports`;
    throw new ByHand("its default export is not a constant that is made with httpRouter() of convex/server", [
      line,
      call,
    ]);
  }
  if (!there) edit.import(exported === local ? exported : `${exported} as ${local}`, from);
  edit.addBefore(router.statement, `${local}.registerRoutes(${router.name});`);
  return { edit, isNew: false, kept: [] };
}

/** Whether a module calls `registerRoutes` of the app's `LazyViews`. */
function isRegistered(project: Project): boolean {
  let isFound = false;
  for (const source of project.sources.values()) {
    walk(source.body, (node) => {
      const callee = node.type === "CallExpression" ? (node.callee as AnyNode) : undefined;
      if (callee?.type !== "MemberExpression") return;
      const [object, property] = [callee.object as AnyNode, callee.property as AnyNode];
      if (property.name !== "registerRoutes" || object.type !== "Identifier") return;
      if (isLazy(project, source, String(object.name))) isFound = true;
    });
  }
  return isFound;
}

function isLazy(project: Project, source: Source, name: string): boolean {
  const lazy = project.lazy();
  return lazy !== undefined && project.identity(source, name) === `${lazy.source.file}#${lazy.local}`;
}

/** The router in the default export, and the statement above which a route can be added. */
function routerOf(source: Source): { name: string; statement: Statement } | undefined {
  for (const statement of source.body) {
    let name: string | undefined;
    if (statement.type === "ExportDefaultDeclaration") {
      const exported = unwrap(statement.declaration as Expression);
      if (exported.type === "Identifier") ({ name } = exported);
    }
    const value = name === undefined ? undefined : source.constants.get(name);
    if (name && value && callOf(source, "convex/server", "httpRouter", value)) return { name, statement };
  }
  return undefined;
}
