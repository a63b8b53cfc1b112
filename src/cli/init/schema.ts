import { Edit } from "./edit.js";
import { type FoundView, PACKAGE, type Project, stemOf } from "./project.js";
import { ByHand, type Draft } from "./step.js";
import { callOf, type Expression, keyOf, objectOf, type Source, unwrap } from "./syntax.js";

/** Plans the schema: it must have the library's tables, and the table of each view. */
export function planSchema(project: Project, isTypeScript: boolean): Draft {
  const views = project.views();
  const missing = views.filter((view) => project.fileWithTable(view) === undefined);
  const hasTables = project.fileWithLazyTables() !== undefined;
  const tables = views.filter((view) => !missing.includes(view)).map(({ name }) => `${name}: …`);
  const kept = [...tables, ...(hasTables ? ["...lazyTables"] : [])];
  const file = project.fileOf("schema");
  const source = file === undefined ? undefined : project.sources.get(file);
  const edit = new Edit(project, file ?? `schema.${isTypeScript ? "ts" : "js"}`, source);

  const imports: [name: string, from: string][] = [];
  const entries: string[] = [];
  const taken = new Set(source?.names);
  const apart: string[] = [];
  for (const view of missing) {
    const { name, table } = view;
    if (table === undefined) {
      apart.push(...tableLines(view));
      continue;
    }
    const local = [table.name, `${name}Table`].find((each) => each !== "default" && !taken.has(each)) ?? `${name}Rows`;
    taken.add(local);
    const isOwn = table.file === file;
    if (!isOwn) imports.push([local === table.name ? local : `${table.name} as ${local}`, edit.specifier(table.file)]);
    const value = isOwn ? String(source?.exports.get(table.name)) : local;
    entries.push(value === name ? name : `${name}: ${value}`);
  }
  if (!hasTables) {
    const isThere = source?.imports.get("lazyTables")?.from === PACKAGE;
    const local = isThere || !taken.has("lazyTables") ? "lazyTables" : "lazyViewsTables";
    if (!isThere) imports.push([local === "lazyTables" ? local : `lazyTables as ${local}`, PACKAGE]);
    entries.push(`...${local}`);
  }

  const byHand = (reason: string) => {
    const importLines = imports.map(([name, from]) => edit.importLine(name, from));
    return new ByHand(reason, [...importLines, ...entries.map((entry) => `defineSchema({ …, ${entry} })`), ...apart]);
  };
  if (entries.length === 0 && apart.length === 0) return { edit, isNew: false, kept };
  if (apart.length > 0) throw byHand("a table is not exported, so that the schema cannot import it");
  if (source === undefined) {
    // The app may use other tables already. Code that uses them must still compile.
    const others = [...project.files.keys()].some((each) => !views.some((view) => view.source.file === each));
    const lines = [
      'import { defineSchema } from "convex/server";',
      ...imports.map(([name, from]) => `import { ${name} } from "${from}";`),
      "",
      ...(others
        ? [
            "export default defineSchema(",
            "  {",
            ...entries.map((entry) => `    ${entry},`),
            "  },",
            "  // Tables that are not listed here can be used too.",
            "  { strictTableNameTypes: false },",
            ");",
          ]
        : ["export default defineSchema({", ...entries.map((entry) => `  ${entry},`), "});"]),
      "",
    ];
    edit.write(lines.join("\n"));
    return { edit, isNew: true, kept };
  }
  const tablesObject = schemaTables(source);
  if (tablesObject === undefined)
    throw byHand("its default export is not made with defineSchema({ … }) of convex/server");
  const other = missing.find(({ name }) =>
    tablesObject.properties.some((each) => "key" in each && keyOf(each) === name),
  );
  if (other) throw byHand(`its table "${other.name}" is not the viewTable() of the view of this name`);
  for (const [name, from] of imports) edit.import(name, from);
  edit.addTo(tablesObject, entries);
  return { edit, isNew: false, kept };
}

/** The object that the module's default export gives to `defineSchema`. */
function schemaTables(source: Source) {
  for (const statement of source.body) {
    if (statement.type !== "ExportDefaultDeclaration") continue;
    const exported = unwrap(statement.declaration as Expression);
    const value = exported.type === "Identifier" ? source.constants.get(exported.name) : exported;
    const call = value && callOf(source, "convex/server", "defineSchema", value);
    return objectOf(source, call?.arguments[0]);
  }
  return undefined;
}

function tableLines({ name, source }: FoundView): string[] {
  return [
    `export const ${name}Table = viewTable({ … }); // in ${stemOf(source.file)}`,
    `${name}: ${name}Table // in schema`,
  ];
}
