import { expect, test } from "vitest";
import { bundleApp } from "../../bench/startup/bundle";
import { evaluate, measureStartup } from "../../bench/startup/startup";

test("the bytes of the library are those of its files and of convex-helpers", async () => {
  const { libraryBytes } = await bundleApp("lazyApp.ts");
  const files = Object.keys(libraryBytes);
  expect(files).toContain("src/app/lazyViews.ts");
  expect(files).toContain("node_modules/convex-helpers/dist/validators.js");
  for (const file of files) expect(file).toMatch(/^(src|node_modules\/convex-helpers)\//);
  expect((await bundleApp("plainApp.ts")).libraryBytes).toEqual({});
});

test("the library's own tables are only in bundles that import them", async () => {
  const isThere = async (entry: string) => (await bundleApp(entry)).code.includes("lazyHealth:");
  expect(await isThere("lazyApp.ts")).toBe(false);
  expect(await isThere("../convex/schema.ts")).toBe(true);
});

/** The names of an app's exported queries and mutations. */
async function functionsOf(entry: string): Promise<Record<string, string[]>> {
  const { exports } = evaluate((await bundleApp(entry)).code);
  const named = (mark: string) => Object.keys(exports).filter((name) => Object.hasOwn(exports[name] as object, mark));
  return { queries: named("isQuery").sort(), mutations: named("isMutation").sort() };
}

test("both apps have the same functions, and the lazy one the library's", async () => {
  expect(await functionsOf("plainApp.ts")).toEqual({ queries: ["total"], mutations: ["add"] });
  expect(await functionsOf("lazyApp.ts")).toEqual({
    queries: ["inspect", "total"],
    mutations: ["add", "dispatch", "recompute", "sweep"],
  });
});

test("the startup is measured", async () => {
  const { bundleBytes, ...times } = await measureStartup(2);
  const { code, libraryBytes } = await bundleApp("lazyApp.ts");
  expect(bundleBytes).toBe(Object.values(libraryBytes).reduce((sum, bytes) => sum + bytes));
  expect(bundleBytes).toBeLessThan(code.length);
  for (const time of Object.values(times)) expect(time).toBeGreaterThan(0);
});
