import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
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
import { APPS, STUBS } from "./initApps.js";

const names = Object.keys(APPS);

/** A folder with all apps, as `init` leaves them. */
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
    steps[name] = planInit(new Map(Object.entries(files)), true);
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
