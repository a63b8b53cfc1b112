import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { HttpRouter, SchemaDefinition } from "convex/server";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planInit } from "../../src/cli/init/plan.js";
import type { Step } from "../../src/cli/init/step.js";
import { CONVEX_OPTIONS } from "../package/bundle.js";
import { ROOT } from "../package/pack.js";
import { runNode } from "../package/run.js";
import { appFolder, commandLine } from "./commandLine.js";
import { APPS, STUBS } from "./initApps.js";

const names = Object.keys(APPS);

/** A folder with all apps after `init`. */
let root: string;
const steps: Record<string, Step[]> = {};
const folderOf = (name: string) => `app${names.indexOf(name)}`;

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

beforeAll(async () => {
  root = await mkdtemp(join(await realpath(tmpdir()), "convex-lazy-views-init-"));
  await symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  const stubs = Object.keys(STUBS).map((name, i) => [name, [`./stub${i}.ts`]]);
  for (const [i, code] of Object.values(STUBS).entries()) await writeFile(join(root, `stub${i}.ts`), code);
  const paths = { "convex-lazy-views": [join(ROOT, "src/index.ts")], ...Object.fromEntries(stubs) };
  const compilerOptions = {
    ...{ target: "ESNext", module: "ESNext", moduleResolution: "Bundler", lib: ["ES2023", "DOM", "DOM.Iterable"] },
    ...{ types: [], strict: true, noUnusedLocals: true, isolatedModules: true, skipLibCheck: true, noEmit: true },
    ...{ allowJs: true, paths },
  };
  await writeFile(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["app*/**/*"] }));
  for (const [name, files] of Object.entries(APPS)) {
    const folder = join(root, folderOf(name));
    steps[name] = planInit(new Map(Object.entries(files)));
    for (const [file, text] of Object.entries(files)) await write(join(folder, file), text);
    for (const { file, text } of steps[name]) if (text !== undefined) await write(join(folder, file), text);
    for (const file of ["dataModel.d.ts", "server.d.ts", "server.js"]) {
      await cp(join(ROOT, "examples/convex/_generated", file), join(folder, "_generated", file));
    }
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

test("the results fit the types", async () => {
  const { stdout } = await runNode([join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: root });
  expect(stdout).toBe("");
});

describe("bundled as Convex does, the result has all of the wiring:", () => {
  test.each(names)("%s", async (name) => {
    const isJavaScript = name === "JavaScript";
    const ending = isJavaScript ? "js" : "ts";
    const stdin = `
      export { default as schema } from "./schema.${ending}";
      export { default as http } from "./http.${ending}";
      export * as lazy from "./lazy.${ending}";
    `;
    const outfile = join(root, `${folderOf(name)}.mjs`);
    const resolveDir = join(root, folderOf(name));
    const { warnings } = await build({
      ...CONVEX_OPTIONS,
      ...{ stdin: { contents: stdin, resolveDir }, absWorkingDir: root, format: "esm", outfile, logLevel: "silent" },
    });
    expect(warnings).toEqual([]);
    const { schema, http, lazy } = (await import(pathToFileURL(outfile).href)) as {
      schema: SchemaDefinition<Record<string, never>, boolean>;
      http: HttpRouter;
      lazy: Record<string, unknown>;
    };
    const files = Object.values(APPS[name] ?? {}).join("\n");
    const views = [...files.matchAll(/defineView\("(\w+)"/g)].map(([, view]) => view);
    expect(Object.keys(schema.tables)).toEqual(expect.arrayContaining([...views, "lazyEffects", "lazyTail"]));
    const instance = Object.values(lazy).find((each) => each?.constructor.name === "LazyViews");
    expect(instance).toMatchObject({ app: { module: "lazy" } });
    const { app } = instance as { app: { views: Map<string, object> } };
    expect([...app.views.keys()].sort()).toEqual(views.sort());
    const functions = ["recompute", "dispatch", "sweep", "inspect", "heartbeat"];
    const others = files.includes('"client"') ? ["act", "forward"] : ["tail"];
    expect(Object.keys(lazy)).toEqual(expect.arrayContaining([...functions, ...others]));
    if (steps[name]?.[2]?.action === "manual") return;
    expect(http.lookup("/lazy-views/effects", "POST")).not.toBeNull();
  });
});

describe("the command", () => {
  const APP = APPS["Convex Auth's template"] ?? {};
  const files = (folder = "convex") =>
    Object.fromEntries(Object.entries(APP).map(([file, text]) => [`${folder}/${file}`, text]));
  const textsIn = async (folder: string) => {
    const texts: Record<string, string> = {};
    for (const file of (await readdir(folder)).sort()) texts[file] = await readFile(join(folder, file), "utf8");
    return texts;
  };

  test("lists what it has written, and a second run writes nothing", async () => {
    const app = await appFolder(files());
    const before = await textsIn(join(app, "convex"));
    const dry = await commandLine(app, {}, "init", "--dry-run");
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(dry.stdout).toContain("+ convex/lazy.ts: would be created:\n    import { LazyViews }");
    expect(await textsIn(join(app, "convex"))).toEqual(before);

    const first = await commandLine(app, {}, "init");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const lines = first.stdout.split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "+ convex/lazy.ts: created:",
        "+ convex/schema.ts: added:",
        '    import { countsTable } from "./counts";',
        "    ...lazyTables,",
        "+ convex/http.ts: added:",
        "    lazy.registerRoutes(http);",
        "  1. npm install convex-lazy-views",
        "  2. Import query, mutation and their internal forms from convex/lazy.ts, in place of convex/_generated/server.",
        "  4. npx convex-lazy-views connect",
      ]),
    );
    const after = await textsIn(join(app, "convex"));
    expect(Object.keys(after)).toEqual([...Object.keys(before), "lazy.ts"].sort());
    for (const line of lines.filter((each) => /^ {4}\S/.test(each))) {
      expect(Object.values(after).join("\n")).toContain(line.trim());
    }

    const second = await commandLine(app, {}, "init");
    expect(second).toEqual({
      code: 0,
      stdout: ["lazy", "schema", "http"].map((file) => `✓ convex/${file}.ts lacks nothing.\n`).join(""),
      stderr: "",
    });
    expect(await textsIn(join(app, "convex"))).toEqual(after);
  });

  test("completes a half-written module, and says which builders are to come", async () => {
    const written = [
      'import { LazyViews } from "convex-lazy-views";',
      'export const lazy = new LazyViews({ module: "lazy", views: {} });',
      "export const { recompute, dispatch, sweep } = lazy.functions();",
    ];
    const app = await appFolder({ ...files(), "convex/lazy.ts": written.join("\n") });
    const { code, stdout } = await commandLine(app, {}, "init");
    expect(code).toBe(0);
    expect(stdout).toMatch(/\+ convex\/lazy\.ts: added:\n[^+]*inspect,\n {4}heartbeat,\n {4}tail,\n/);
    expect(stdout).toMatch(
      /Export builders from convex\/lazy\.ts: export const mutation = lazy\.mutation\(rawMutation\);/,
    );
  });

  test("finds the folder of convex.json, leaves unknown code alone, and ends with code 1", async () => {
    const app = await appFolder({ "convex.json": '{ "functions": "backend/" }', "tsconfig.json": "{}" });
    await write(join(app, "backend/http.ts"), "export default createRouter();\n");
    const { code, stdout } = await commandLine(app, {}, "init", "--json");
    expect(code).toBe(1);
    const { files } = JSON.parse(stdout) as { files: { file: string; action: string; lines: string[] }[] };
    expect(files.map(({ file, action }) => `${file} ${action}`)).toEqual([
      "backend/lazy.ts created",
      "backend/schema.ts created",
      "backend/http.ts manual",
    ]);
    expect(files[2]?.lines[0]).toBe('import { lazy } from "./lazy";');
    expect(await textsIn(join(app, "backend"))).toMatchObject({ "http.ts": "export default createRouter();\n" });
    expect(await readdir(join(app, "convex"))).toEqual([]);
  });

  test("says where to run it when the folder has no app", async () => {
    const app = await appFolder();
    const { code, stdout, stderr } = await commandLine(join(app, "convex"), {}, "init");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: There is no package.json in .*convex\. Run this command in the folder/);
  });
});
