import {
  anyApi,
  defineTable,
  type FunctionReference,
  type GenericDataModel,
  type GenericQueryCtx,
} from "convex/server";
import { v } from "convex/values";
import { defineView, type Explanation, viewTable } from "convex-lazy-views";
import { afterEach, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx, type QueryCtx, startTestApp, type TestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions, tables, total, totalsTable } from "../totals.js";

const inspect = anyApi.lazy?.inspect as FunctionReference<"query">;
const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
const key = { list: "a" };
const TRACKED = { sources: undefined } as unknown as TotalsOptions;
const NOTHING_WAITS = {
  announcedUntil: null,
  windowEndsAt: null,
  jobAt: null,
  failure: null,
  run: null,
  isQueued: false,
};

afterEach(endTestApp);

/** The range builder of an index. The test's data model does not name the index's fields. */
interface Range extends Record<"eq" | "gte" | "lt", (field: string, value: unknown) => Range> {}

/** Runs `inspect` for a row. */
function inspectRow(app: TestApp, view: string, of: unknown = key) {
  return app.t.query(inspect, { view, key: of }) as Promise<Explanation>;
}

test("a key without a row is missing, and nothing waits", async () => {
  const app = startTotals(TRACKED);
  const { result, effects } = await app.collect((ctx) => app.totals.explain(ctx, key));
  expect(effects).toEqual([]);
  expect(result).toEqual({
    state: "missing",
    computedAt: null,
    version: null,
    asOf: null,
    marked: null,
    dependsOn: [],
    over: {},
    tags: [],
    waits: NOTHING_WAITS,
  });
});

test("says what a tracked row depends on, and what has marked it", async () => {
  const app = startTotals({ ...TRACKED, tags: ({ list }) => [`list:${list}`], version: 3 });
  await app.mutation(add("a", 1));
  await app.settle((ctx) => app.totals.get(ctx, key));
  const [row] = await app.rows("totals");
  const fresh = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(fresh).toMatchObject({
    state: "fresh",
    computedAt: row?.computedAt,
    version: 3,
    marked: null,
    dependsOn: [{ table: "items", fields: { list: "a" } }],
    over: {},
    tags: ["list:a"],
  });
  expect(fresh.asOf).toBeLessThanOrEqual(Number(row?.computedAt));
  expect(fresh.asOf).toBeGreaterThan(Date.UTC(2026, 0, 1));

  const { effects } = await app.collect(async (ctx) => {
    expect((await app.totals.explain(ctx, key)).state).toBe("fresh");
  });
  expect(effects).toEqual([]);
  const markedAt = Date.now();
  await app.mutation(add("a", 2));
  await app.advance(61_000);
  await app.mutation(add("a", 3));
  const stale = await app.mutation((ctx: MutationCtx) => app.totals.explain(ctx, key));
  expect(stale.state).toBe("stale");
  expect(stale.marked).toEqual({ at: expect.any(Number), by: "insert into items", againAt: expect.any(Number) });
  expect(stale.marked?.at).toBeGreaterThanOrEqual(markedAt);
  expect(stale.marked?.againAt).toBeGreaterThan(Number(stale.marked?.at) + 60_000);
  expect(await inspectRow(app, "totals")).toEqual(await app.query((ctx) => app.totals.explain(ctx, key)));
});

test("a mutation sees what it has just written", async () => {
  const app = startTotals(TRACKED);
  await app.settle((ctx) => app.totals.get(ctx, key));
  const explained = await app.mutation(async (ctx: MutationCtx) => {
    void add("a", 1)(ctx);
    return await app.totals.explain(ctx, key);
  });
  expect(explained).toMatchObject({ state: "stale", marked: { by: "insert into items" } });
});

test("names ranges, missing fields, other views, and what very many rows share", async () => {
  const partsTable = viewTable({ key: { list: v.string() }, value: { count: v.number() } });
  const totals = defineView("totals", {
    table: totalsTable,
    version: 2,
    sources: { items: (item: { list: string }) => [{ list: item.list }] },
    compute: total,
  });
  const parts = defineView("parts", {
    table: partsTable,
    compute: async (ctx: GenericQueryCtx<GenericDataModel>, { list }) => {
      await totals.get(ctx as QueryCtx, { list });
      await ctx.db.get("items", id as never);
      const things = ctx.db.query("things").withIndex("by_maker", (q) => {
        const ofMaker = (q as unknown as Range).eq("maker", undefined).eq("name", '","undefined');
        return ofMaker.gte("size", 2n).lt("size", 7n) as never;
      });
      return { count: (await things.collect()).length + (await ctx.db.query("everything").collect()).length };
    },
  });
  const things = defineTable({ maker: v.optional(v.string()), name: v.string(), size: v.int64() });
  const app = startTestApp({
    tables: {
      ...tables,
      parts: partsTable,
      things: things.index("by_maker", ["maker", "name", "size"]),
      everything: defineTable({}),
    },
    views: { totals, parts },
  });
  const id = await app.mutation(add("a", 1));
  await app.mutation((ctx: MutationCtx) => parts.refresh(ctx, key));
  const { dependsOn, over } = await inspectRow(app, "parts");
  const fields = { maker: "undefined", name: '","undefined' };
  expect(dependsOn).toHaveLength(4);
  expect(dependsOn).toEqual(
    expect.arrayContaining([
      { table: "totals", fields: { key: '{"list":"a"}' } },
      { table: "items", fields: { _id: id } },
      { table: "things", fields, bounds: { field: "size", gte: 2n, lt: 7n } },
      { table: "everything", fields: {} },
    ]),
  );
  expect(over).toEqual({ totals: 2 });

  await app.mutation(async (ctx: MutationCtx) => {
    for (let i = 0; i < 70; i++) await parts.refresh(ctx, { list: String(i) });
  });
  expect((await inspectRow(app, "parts", { list: "69" })).dependsOn).toContainEqual({
    table: "everything",
    fields: {},
    shared: true,
  });
});

test("shows a value that was cut as its text", async () => {
  const app = startTotals(TRACKED);
  const list = "x".repeat(2_000);
  await app.mutation((ctx: MutationCtx) => app.totals.refresh(ctx, { list }));
  const { dependsOn } = await inspectRow(app, "totals", { list });
  expect(dependsOn).toEqual([{ table: "items", fields: { list: `"${list.slice(0, 999)}` } }]);
});

test("a view with declared sources depends on their tables", async () => {
  const app = startTotals();
  await app.settle((ctx) => app.totals.get(ctx, key));
  const { dependsOn } = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(dependsOn).toEqual([{ table: "items" }]);
});

test("says that a recompute failed, and when it is tried again", async () => {
  vi.spyOn(console, "error").mockReturnValue();
  const app = startTotals({
    ...TRACKED,
    compute: () => {
      throw new Error("no such list");
    },
  });
  const { messages } = await app.collect((ctx) => app.totals.get(ctx, key));
  await app.deliver(messages);
  await app.advance(10);
  const { state, waits } = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(state).toBe("missing");
  expect(waits.failure).toMatchObject({ attempts: 1, message: expect.stringContaining("no such list") });
  expect(waits.jobAt).toBe(waits.failure?.retryAt);
  expect(waits.windowEndsAt).toBe(waits.failure?.retryAt);
});

test("says that a recompute is put off to the end of its window", async () => {
  const app = startTotals(TRACKED);
  await app.settle((ctx) => app.totals.get(ctx, key));
  await app.mutation(add("a", 1));
  const { messages } = await app.collect((ctx) => app.totals.get(ctx, key));
  await app.deliver(messages);
  const { waits } = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(waits.jobAt).toBeGreaterThan(Date.now());
  expect(waits).toMatchObject({ windowEndsAt: waits.jobAt, failure: null });
});

test("says that a run is under way, that a source has changed since, and that readers wait for it", async () => {
  const app = startTotals({ mode: "snapshot", lease: { hours: 1 } });
  await app.settle((ctx) => app.totals.get(ctx, key));
  await app.advance(20_000);
  await app.mutation(add("a", 1));
  const { waits } = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(waits.announcedUntil).toBeGreaterThan(Date.now());
  await app.t.mutation(recompute, { job: { kind: "attempt", view: "totals", args: key } });
  const begun = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(begun.waits.run).toEqual({ startedAt: expect.any(Number), touchedAt: null });
  await app.mutation(add("a", 1));
  const touched = await app.query((ctx) => app.totals.explain(ctx, key));
  expect(touched.waits.run).toEqual({ startedAt: begun.waits.run?.startedAt, touchedAt: expect.any(Number) });
  await app.advance();
  expect((await app.query((ctx) => app.totals.explain(ctx, key))).waits.run).toBeNull();
});

test("says whether a key waits for its turn", async () => {
  const app = startTotals({ ...TRACKED, maxParallel: 1 });
  for (const list of ["a", "b"]) {
    await app.t.mutation(recompute, { job: { kind: "attempt", view: "totals", args: { list } } });
  }
  const isQueued = async (list: string) => (await inspectRow(app, "totals", { list })).waits.isQueued;
  expect([await isQueued("a"), await isQueued("b")]).toEqual([false, true]);
  await app.advance();
  expect(await isQueued("b")).toBe(false);
});

test("inspect names the views when there is none of that name, and the field of a key that does not fit", async () => {
  const app = startTotals();
  await expect(inspectRow(app, "total")).rejects.toThrow('inspect: there is no view "total"; the views are totals.');
  await expect(inspectRow(app, "totals", { list: 1 })).rejects.toThrow('view "totals": key.list: expected string');
  await expect(app.t.query(inspect, { view: "totals" })).rejects.toThrow('view "totals": key: expected object');
});
