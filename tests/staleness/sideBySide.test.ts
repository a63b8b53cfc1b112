import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import { invalidated } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { type Key, type Totals, type TotalsOptions, total } from "../totals.js";
import { a, applyChange, insert, startList, sub } from "./listApp.js";

afterEach(endTestApp);

const b = { list: "b" };
const WAITS = [0, 1, 5, 30];

/** Like `total`, but slower. */
const slowTotal = async (ctx: GenericQueryCtx<GenericDataModel>, key: Key): Promise<Totals> => {
  const value = await total(ctx, key);
  for (let i = 0; i < 10; i++) await ctx.db.query("notes").collect();
  return value;
};

const later = async (ticks: number, work: () => Promise<unknown>) => {
  for (let i = 0; i < ticks; i++) await Promise.resolve();
  await work();
};

type App = Awaited<ReturnType<typeof startList>>;
type Work = (app: App, ctx: MutationCtx) => Promise<unknown>;
const refreshA: Work = (app, ctx) => app.totals.refresh(ctx, a);
const subRefresh: Work = (_, ctx) => ctx.runMutation(sub.refresh);
const subAdd: Work = (_, ctx) => ctx.runMutation(sub.add, { n: 2 });
const addOne: Work = (_, ctx) => insert(ctx.db, 2);
const invalidateA: Work = (app, ctx) => app.totals.invalidate(ctx, a);
const evictA: Work = (app, ctx) => app.totals.evict(ctx, a);

const PAIRS: [string, Work, Work][] = [
  ["a refresh and another", refreshA, refreshA],
  ["a refresh and a mutation that refreshes", refreshA, subRefresh],
  ["a mutation that refreshes and a refresh", subRefresh, refreshA],
  ["two mutations that refresh", subRefresh, subRefresh],
  ["a mutation that writes and one that refreshes", subAdd, subRefresh],
  ["a mutation that refreshes and one that writes", subRefresh, subAdd],
  ["two mutations that write", subAdd, subAdd],
  ["a write and a refresh", addOne, refreshA],
  ["a refresh and a write", refreshA, addOne],
  ["an invalidation and a refresh", invalidateA, refreshA],
  ["an eviction and a refresh", evictA, refreshA],
  ["a refresh and an eviction", refreshA, evictA],
  ["an eviction and a mutation that refreshes", evictA, subRefresh],
  ["a mutation that refreshes and an eviction", subRefresh, evictA],
];

const VIEWS: [string, TotalsOptions][] = [
  ["marked", { compute: slowTotal }],
  ["applied", { compute: slowTotal, applyChange }],
  ["leased", { compute: slowTotal, lease: { minutes: 5 } }],
  ["expired", { compute: slowTotal, expiredWhen: invalidated() }],
];

describe.each(VIEWS)("side by side, one row of a key that is right or not fresh: %s", (_, options) => {
  test.each(PAIRS)("%s", async (_, one, other) => {
    for (const isThere of [true, false]) {
      for (const ticks of WAITS) {
        const app = await startList(options);
        if (!isThere) await app.mutation((ctx) => app.totals.evict(ctx, a));
        await app.mutation(async (ctx) => {
          await Promise.all([one(app, ctx), later(ticks, () => other(app, ctx))]);
        });
        const rows = await app.rows("totals");
        expect(rows.length).toBeLessThanOrEqual(1);
        const { state, value } = await app.read();
        const numbers = await app.numbers();
        const sum = numbers.reduce((so, n) => so + n, 0);
        if (state === "fresh") expect(value).toEqual({ count: numbers.length, sum });
        else if (rows.length === 1) expect(rows).toMatchObject([{ dirtyAt: expect.any(Number) }]);
        expect(await app.settle((ctx) => app.totals.get(ctx, a))).toEqual({
          count: numbers.length,
          sum,
        });
        endTestApp();
      }
    }
  });
});

test("side by side, rows of several keys are each committed once", async () => {
  const app = await startList({ compute: slowTotal });
  await app.mutation(async (ctx) => {
    const keys = [a, b, { list: "c" }, b, a];
    await Promise.all(keys.map((key) => app.totals.refresh(ctx, key)));
  });
  const rows = await app.rows("totals");
  expect(rows.map(({ key }) => key).sort()).toEqual(["a", "b", "c"].map((list) => `{"list":"${list}"}`));
});

test("a refresh that fails beside another one leaves that one's row", async () => {
  let runs = 0;
  const app = await startList({
    compute: async (ctx, key) => {
      if (runs++ === 1) throw new Error("only the second");
      return await slowTotal(ctx, key);
    },
  });
  runs = 0;
  await app.mutation(async (ctx) => {
    await insert(ctx.db, 2);
    const results = await Promise.allSettled([
      app.totals.refresh(ctx, a),
      app.totals.refresh(ctx, a),
      app.totals.refresh(ctx, a),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
  expect(await app.rows("totals")).toHaveLength(1);
  expect(await app.read()).toMatchObject({ state: "fresh", value: { count: 2, sum: 3 } });
});

describe("a mutation inside another that throws takes back what it did, and the marks of no others", () => {
  const fail = (ctx: MutationCtx) => ctx.runMutation(sub.fail).catch(() => {});
  const works: [string, (app: App, ctx: MutationCtx) => Promise<unknown>][] = [
    ["before a write", async (_, ctx) => [await fail(ctx), await insert(ctx.db, 2)]],
    ["after a write", async (_, ctx) => [await insert(ctx.db, 2), await fail(ctx)]],
    ["beside a write", (_, ctx) => Promise.all([fail(ctx), insert(ctx.db, 2)])],
    ["between two", async (_, ctx) => [await insert(ctx.db, 1), await fail(ctx), await insert(ctx.db, 1)]],
  ];

  test.each(works)("%s", async (_, work) => {
    for (const [kind, options] of VIEWS) {
      const app = await startList(options);
      await app.mutation(async (ctx) => void (await work(app, ctx)));
      const { state, value } = await app.read();
      const numbers = await app.numbers();
      const sum = numbers.reduce((so, n) => so + n, 0);
      expect(sum).toBe(3);
      if (kind === "applied") expect([state, value?.sum]).toEqual(["fresh", sum]);
      else expect(state).toBe(kind === "expired" ? "expired" : "stale");
      endTestApp();
    }
  });

  test("and alone leaves the row as it was", async () => {
    const app = await startList();
    const before = await app.rows("totals");
    await app.mutation((ctx) => fail(ctx));
    expect(await app.rows("totals")).toEqual(before);
    expect(await app.numbers()).toEqual([1]);
  });
});
