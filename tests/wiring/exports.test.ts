import { anyApi, defineSchema, type FunctionReference, type GenericDataModel, queryGeneric } from "convex/server";
import { LazyViews, lazyTables, type Transport } from "convex-lazy-views";
import { testViews } from "convex-lazy-views/test";
import { convexTest } from "convex-test";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { InspectReport } from "../../src/app/inspect.js";
import type { Mode } from "../../src/model/definition.js";
import { endTestApp, type QueryCtx, stubEnvironment } from "../testApp.js";
import { startTotals, tables, totalsView } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
const ALL = ["recompute", "dispatch", "sweep", "inspect", "heartbeat"];

type App = { mode: Mode; transports: Transport[]; needed: string[] };
const APPS: App[] = [
  { mode: "transaction", transports: ["logStream"], needed: ALL },
  { mode: "action", transports: ["logStream", "client"], needed: [...ALL, "act", "forward"] },
];

test("the functions of the library are internal, except forward", () => {
  const functions = new LazyViews<GenericDataModel>({ module: "lazy", views: {}, transports: ["client"] }).functions();
  const exposed = Object.entries(functions).filter(([, each]) => !("isInternal" in each) || "isPublic" in each);
  expect(exposed.map(([name]) => name)).toEqual(["forward"]);
});

const CASES = APPS.flatMap((app) => app.needed.map((name) => ({ ...app, name })));

describe("an export that the module does not take out of lazy.functions()", () => {
  const start = ({ mode, transports, forgotten }: Omit<App, "needed"> & { forgotten: string[] }) =>
    startTotals({ mode, onMissing: "null", compute: () => ({ count: 0, sum: 0 }) }, { transports, forgotten });

  test.each(CASES)("$name of a view of mode $mode is named by the log, inspect and settle", async (options) => {
    const { name } = options;
    const app = start({ ...options, forgotten: [name] });
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    const problem = `convex/lazy.ts must have export const { ${name} } = lazy.functions();`;
    expect(await app.collect((ctx) => app.totals.get(ctx, key))).toMatchObject({ result: null });
    // Effects do not need the heartbeat, nor do tests.
    expect(complaint.mock.calls.flat()).toEqual(name === "heartbeat" ? [] : [`convex-lazy-views: ${problem}`]);
    if (name !== "inspect") expect((await app.inspect()).problems).toContain(problem);
    if (name === "heartbeat") await app.settle((ctx) => app.totals.get(ctx, key));
    else {
      const error = await app.settle((ctx) => app.totals.get(ctx, key)).then(String, String);
      expect(error).toContain(`lazy:${name} could not be called: `);
      expect(error).toContain(`(If it was not found: ${problem})`);
    }
  });

  test("is not logged by a read that raises nothing, and once by one that raises much", async () => {
    const app = start({ mode: "transaction", transports: ["logStream"], forgotten: ["sweep"] });
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    await app.query(() => null);
    expect(complaint).not.toHaveBeenCalled();
    await app.collect(async (ctx) => {
      for (const list of ["a", "b", "c"]) await app.totals.get(ctx, { list });
    });
    expect(complaint).toHaveBeenCalledTimes(1);
  });

  test.each(["mutation", "action"] as const)("is logged by an effect of an %s, too", async (kind) => {
    const app = start({ mode: "transaction", transports: ["logStream"], forgotten: ["sweep"] });
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    const raise = (ctx: unknown) =>
      (ctx as QueryCtx).scheduleEffect(anyApi.run?.mutation as FunctionReference<"mutation">);
    await app[kind](raise);
    expect(complaint.mock.calls.flat()).toContainEqual(expect.stringContaining("must have export const { sweep }"));
  });

  test("is found by the heartbeat when it has another name", async () => {
    const app = startTotals(
      { onMissing: "null" },
      {
        build: (lazy) => {
          const { recompute, sweep: clean, ...others } = lazy.functions();
          return { lazy: { recompute, clean, ...others } };
        },
      },
    );
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
    await app.deliver(messages);
    await app.advance();
    const problem = "lazy:sweep could not be called: ";
    expect((await app.inspect()).problems).toEqual([expect.stringContaining(problem)]);
    expect(complaint.mock.calls.flat()).toContainEqual(expect.stringContaining(problem));
    await expect(app.settle((ctx) => app.totals.get(ctx, key))).rejects.toThrow(problem);
  });

  test("is found by the heartbeat when recompute has another name, though its canary does not arrive", async () => {
    const app = startTotals(
      {},
      {
        build: (lazy) => {
          const { recompute: again, ...others } = lazy.functions();
          return { lazy: { again, ...others } };
        },
      },
    );
    vi.spyOn(console, "error").mockReturnValue();
    const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
    await app.deliver(messages);
    await app.advance(60_000);
    expect((await app.inspect()).problems).toContainEqual(
      expect.stringContaining("lazy:recompute could not be called"),
    );
  });
});

describe("no export is reported as missing", () => {
  /** An app whose module is made by a function, as a test's own modules are. */
  function start(moduleOf: (lazy: LazyViews<GenericDataModel>) => unknown) {
    stubEnvironment();
    const totals = totalsView({ onMissing: "null" });
    const lazy = new LazyViews<GenericDataModel>({ module: "lazy", views: { totals } as never });
    const read = lazy.query(queryGeneric)({ args: {}, handler: async (ctx) => await totals.get(ctx, key) });
    const modules = { lazy: moduleOf(lazy), app: { read }, "_generated/api": {} };
    const t = convexTest({
      schema: defineSchema({ ...tables, ...lazyTables }),
      modules: Object.fromEntries(
        Object.entries(modules).map(([name, module]) => [`./${name}.ts`, async () => module]),
      ),
    });
    return { t, views: testViews(t, vi), read: () => t.query(anyApi.app?.read as FunctionReference<"query">) };
  }

  test.each<[string, (lazy: LazyViews<GenericDataModel>) => unknown]>([
    ["the module is what functions() gave", (lazy) => lazy.functions()],
    ["a module exports that under one name", (lazy) => ({ functions: lazy.functions() })],
    ["functions() is not called yet", () => ({})],
    [
      "each is taken by itself, from another call",
      (lazy) => Object.fromEntries(ALL.map((name) => [name, lazy.functions()[name as "sweep"]])),
    ],
    ["all are spread", (lazy) => ({ ...lazy.functions() })],
  ])("when %s", async (_, moduleOf) => {
    const app = start(moduleOf);
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    const inspect = anyApi.lazy?.inspect as FunctionReference<"query">;
    await app.t.query(inspect).catch(() => {});
    for (let reads = 0; reads < 3; reads++) {
      await app.views.collect(app.read);
      await app.views.advance(1_000);
    }
    expect(complaint).not.toHaveBeenCalled();
    const report = (await app.t.query(inspect).catch(() => null)) as InspectReport | null;
    expect(report?.problems.filter((problem) => problem.includes("must have export")) ?? []).toEqual([]);
  });
});
