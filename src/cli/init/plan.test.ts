import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planInit } from "./plan.js";

const VIEW = `import { defineView, viewTable } from "convex-lazy-views";
export const countsTable = viewTable({ key: {}, value: {} });
export const counts = defineView("counts", { table: countsTable, compute: async () => ({}) });
`;
const WIRED = `import { LazyViews } from "convex-lazy-views";
import { counts } from "./counts";
export const lazy = new LazyViews({ module: "lazy", views: { counts } });
export const { recompute, dispatch, sweep, inspect, heartbeat, tail } = lazy.functions();
`;

const plan = (files: Record<string, string>) => planInit(new Map(Object.entries(files)));
const stepOf = (files: Record<string, string>, file: string) => plan(files).find((step) => step.file === file);

describe("what cannot be edited safely is for the user to add", () => {
  test.each([
    [
      "a schema that another function makes",
      "schema.ts",
      `export default makeSchema({});`,
      /no defineSchema\(\{ … \}\)/,
    ],
    [
      "tables that a call gives",
      "schema.ts",
      `import { defineSchema } from "convex/server"; export default defineSchema(tables());`,
      /no defineSchema\(\{ … \}\)/,
    ],
    [
      "a table of the view's name that is another one",
      "schema.ts",
      `import { defineSchema, defineTable } from "convex/server"; export default defineSchema({ counts: defineTable({}) });`,
      /"counts" is not the viewTable\(\)/,
    ],
    ["a file that is no code", "schema.ts", "export default {{", /cannot be parsed/],
    ["a router of Hono", "http.ts", `export default new HttpRouterWithHono(app);`, /no constant that httpRouter\(\)/],
    ["a router that another module makes", "http.ts", `export { default } from "./routes";`, /no constant that/],
    [
      "a wiring with options from elsewhere",
      "lazy.ts",
      `import { LazyViews } from "convex-lazy-views"; export const lazy = new LazyViews(options());`,
      /not an object literal/,
    ],
    [
      "a wiring that says another module",
      "lazy.ts",
      WIRED.replace('"lazy"', '"views/lazy"'),
      /module is "views\/lazy", and the functions are exported from lazy/,
    ],
    [
      "an instance that is not exported",
      "http.ts",
      undefined,
      /does not export what new LazyViews/,
      { "lazy.ts": WIRED.replace("export const lazy", "const lazy") },
    ],
    [
      "a view that its file does not export",
      "counts.ts",
      VIEW.replace("export const counts ", "const counts "),
      /does not export the view "counts"/,
    ],
    [
      "a table that its file does not export",
      "schema.ts",
      undefined,
      /a table is not exported/,
      { "counts.ts": VIEW.replace("export const countsTable", "const countsTable") },
    ],
    [
      "a view whose file imports the wiring",
      "lazy.ts",
      WIRED.replace('import { counts } from "./counts";\n', "").replace("{ counts }", "{}"),
      /counts.ts imports it: move the view "counts"/,
      { "counts.ts": `import { query } from "./lazy";\n${VIEW}` },
    ],
  ] as [string, string, string | undefined, RegExp, Record<string, string>?][])(
    "%s",
    (_, file, text, reason, others = {}) => {
      const files = { "counts.ts": VIEW, ...(text === undefined ? {} : { [file]: text }), ...others };
      const step = stepOf(files, file);
      expect(step).toMatchObject({ action: "manual", reason: expect.stringMatching(reason) });
      expect(step?.text).toBeUndefined();
    },
  );
});

describe("what is there already is found", () => {
  test.each([
    [
      "in another file",
      { "tables.ts": 'import { lazyTables } from "convex-lazy-views";\nexport const t = { ...lazyTables };' },
    ],
    [
      "of a namespace",
      { "schema.ts": 'import * as l from "convex-lazy-views";\nexport const t = { ...l.lazyTables };' },
    ],
  ])("the library's tables, %s", (_, files) => {
    expect(stepOf({ "schema.ts": "", ...(files as Record<string, string>) }, "schema.ts")?.action).toBe("kept");
  });

  test("routes that another file than http.ts registers", () => {
    const routes = `import { lazy } from "../lazy";\nexport const add = (http) => lazy.registerRoutes(http);`;
    const files = { "counts.ts": VIEW, "lazy.ts": WIRED, "http.ts": "export default 1;", "lib/routes.ts": routes };
    expect(stepOf(files, "http.ts")?.action).toBe("kept");
  });

  test("routes of another library are not ours", () => {
    const http = `import { httpRouter } from "convex/server";
import { authComponent } from "./auth";
const http = httpRouter();
authComponent.registerRoutes(http);
export default http;
`;
    const step = stepOf({ "http.ts": http, "lazy.ts": WIRED, "counts.ts": VIEW }, "http.ts");
    expect(step?.text).toContain("lazy.registerRoutes(http);\nexport default http;");
  });

  test("a view that is imported by an alias of the functions folder", () => {
    const lazy = WIRED.replace("./counts", "@/convex/counts");
    expect(stepOf({ "lazy.ts": lazy, "counts.ts": VIEW }, "lazy.ts")?.action).toBe("kept");
  });

  test("functions that another module exports", () => {
    const [first = "", second = ""] = WIRED.split("export const {");
    const files = {
      "counts.ts": VIEW,
      "wiring.ts": first.replace('"lazy"', '"fns"'),
      "fns.ts": `import { lazy } from "./wiring";\nexport const {${second}`,
    };
    expect(stepOf(files, "wiring.ts")?.action).toBe("kept");
    const forgotten = { ...files, "fns.ts": files["fns.ts"].replace("sweep, ", "") };
    expect(stepOf(forgotten, "wiring.ts")).toMatchObject({
      action: "manual",
      lines: ["export const { sweep } = lazy.functions();"],
    });
  });
});

/** Writes an object in one of many layouts. */
const object = (entries: string[]) =>
  fc
    .record({
      isMultiline: fc.boolean(),
      comma: fc.constantFrom("", ","),
      comment: fc.constantFrom("", " // a, }", " /* b, { */"),
      last: fc.constantFrom("", "// the end, }\n", "/* the end */ "),
      indent: fc.constantFrom("  ", "\t", "    "),
    })
    .map(({ isMultiline, comma, comment, last, indent }) => {
      const end = entries.length === 0 ? "" : comma;
      if (!isMultiline) return `{ ${entries.join(", ")}${end} ${last.startsWith("/*") ? last : ""}}`;
      const lines = entries.map((entry, i) => `${indent}${entry}${i < entries.length - 1 ? "," : end}${comment}\n`);
      return `{\n${lines.join("")}${last && indent + last}${last.startsWith("/*") ? "\n" : ""}}`;
    });

const someOf = (all: string[]) => fc.subarray(all);

const schema = someOf(["users: defineTable({})", "posts: defineTable({ a: v.id('b') })", "...others"])
  .chain(object)
  .chain((tables) =>
    fc.constantFrom(
      `export default defineSchema(${tables});\n`,
      `export default defineSchema(${tables}, { schemaValidation: false })`,
      `const schema = defineSchema(${tables} as const)\nexport default schema;\n`,
      `const tables = ${tables};\n\nexport default defineSchema(tables);\n`,
      `export default entSchema(${tables});\n`,
    ),
  )
  .map(
    (code) =>
      `import { defineSchema, defineTable } from "convex/server"; // the server\nimport { v } from 'convex/values'\n${code}`,
  );

const http = fc
  .record({
    before: fc.constantFrom("", "\n", "http.route({ path: '/', method: 'GET', handler })\n\n", "// a comment\n"),
    comment: fc.constantFrom("", "// the default export\n", "/* one\n   two */\n", "// one\n\n// two\n"),
    exported: fc.constantFrom(
      "export default http;",
      "export default http",
      "export default http as never;\n",
      "export {};",
    ),
    isOneLine: fc.boolean(),
  })
  .map(
    ({ before, comment, exported, isOneLine }) =>
      `import { httpRouter } from "convex/server";\nconst http = httpRouter();${isOneLine ? " " : "\n"}${before}${comment}${exported}`,
  );

const names = ["counts", "stats", "query", "lazy", "totals"];
const viewFiles = fc
  .array(
    fc.record({
      name: fc.constantFrom(...names),
      folder: fc.constantFrom("", "model/", "a/b/"),
      isExported: fc.boolean(),
      mode: fc.constantFrom("", 'mode: "action", '),
    }),
    { maxLength: 4 },
  )
  .map((views) => {
    const distinct = views.filter(({ name }, i) => views.findIndex((view) => view.name === name) === i);
    return distinct.map(({ name, folder, isExported, mode }) => {
      const declared = VIEW.replaceAll("counts", name).replace("{ table", `{ ${mode}table`);
      const text = isExported ? declared : `${declared.replaceAll("export ", "")}\nexport { ${name}Table, ${name} };\n`;
      return [`${folder}${name}View.ts`, text] as const;
    });
  });

const lazy = fc
  .record({
    names: someOf(["recompute", "dispatch", "sweep", "inspect", "heartbeat", "tail", "act"]).chain(object),
    views: fc.option(object([])),
    hasFunctions: fc.boolean(),
  })
  .map(({ names, views, hasFunctions }) => {
    const functions = hasFunctions ? `export const ${names} = lazy.functions();\n` : "";
    const options = views === null ? "" : `, views: ${views}`;
    return `import { LazyViews } from "convex-lazy-views";\nexport const lazy = new LazyViews({ module: "lazy"${options} });\n${functions}`;
  });

const apps = fc
  .record({
    schema: fc.option(schema),
    http: fc.option(http),
    lazy: fc.option(lazy),
    views: viewFiles,
    crlf: fc.boolean(),
  })
  .map(({ schema, http, lazy, views, crlf }) => {
    const files = new Map<string, string>(views);
    for (const [file, text] of Object.entries({ "schema.ts": schema, "http.ts": http, "lazy.ts": lazy })) {
      if (text !== null) files.set(file, crlf ? text.replaceAll("\n", "\r\n") : text);
    }
    return files;
  });

/** Whether a text becomes another one by insertions alone. */
function isWithin(text: string, longer: string): boolean {
  let at = -1;
  return [...text].every((character) => {
    at = longer.indexOf(character, at + 1);
    return at >= 0;
  });
}

test("an app without functions gets TypeScript", () => {
  expect(plan({}).map(({ file }) => file)).toEqual(["lazy.ts", "schema.ts", "http.ts"]);
});

test("a second run changes nothing, no character is lost, and ends of lines stay as they are", () => {
  fc.assert(
    fc.property(apps, (files) => {
      const steps = planInit(files);
      const after = new Map(files);
      for (const { file, text } of steps) {
        if (text === undefined) continue;
        expect(isWithin(files.get(file) ?? "", text)).toBe(true);
        if (files.get(file)?.includes("\r\n")) expect(text).not.toMatch(/[^\r]\n/);
        after.set(file, text);
      }
      const again = planInit(after);
      expect(again.filter(({ text }) => text !== undefined)).toEqual([]);
      const manual = (all: typeof steps) => all.filter(({ action }) => action === "manual").map(({ file }) => file);
      expect(manual(again)).toEqual(manual(steps));
      // Only what is written in ways that the command does not know is left to the user.
      const known = { schema: /entSchema/, http: /export \{\}/ };
      const text = (file: string) => files.get(file) ?? "";
      const expected = [
        ...(known.schema.test(text("schema.ts")) ? ["schema.ts"] : []),
        ...(known.http.test(text("http.ts")) ? ["http.ts"] : []),
      ];
      expect(manual(steps)).toEqual(expected);
    }),
  );
});
