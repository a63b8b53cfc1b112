import { defineView, type View } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Mode } from "../../src/model/definition.js";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, type Key, type Totals, tables, total, totalsTable } from "../totals.js";

afterEach(endTestApp);
const key = { list: "a" };

/** The options that compute the totals in each mode. */
const COMPUTING: Record<Mode, object> = {
  transaction: { compute: total },
  snapshot: { compute: total },
  action: { compute: () => ({ count: 0, sum: 0 }) },
  paged: {
    page: async () => ({ page: [], isDone: true, continueCursor: "" }),
    initial: () => 0,
    reduce: () => 0,
    finish: () => ({ count: 0, sum: 0 }),
  },
};

/** An app whose view has no `onMissing`, unless `options` has. */
function start(mode: Mode, options: object = {}) {
  const totals = defineView("totals", {
    table: totalsTable,
    sources: { items: ({ list }: Key) => [{ list }] },
    mode,
    ...COMPUTING[mode],
    ...options,
  } as never) as unknown as View<Key, Totals, unknown>;
  return { ...startTestApp({ tables, views: { totals } }), totals };
}

describe.each<Mode>(["transaction", "snapshot"])("the first read of a key, in the mode %s", (mode) => {
  test("returns what compute returns, and raises the recompute", async () => {
    const { totals, collect, mutation, rows } = start(mode);
    await mutation(add("a", 2));
    const value = { count: 1, sum: 2 };
    const { result, effects } = await collect((ctx) => totals.read(ctx, key));
    expect(result).toEqual({ state: "missing", value, computedAt: null, version: null });
    expect(effects).toMatchObject([{ args: { view: "totals", args: key }, seen: 0n }]);
    expect((await collect((ctx) => totals.getMany(ctx, [key, { list: "b" }]))).result).toEqual([
      value,
      { count: 0, sum: 0 },
    ]);
    expect(await rows("totals")).toEqual([]);
  });

  test("does so in a mutation, which sees its own writes", async () => {
    const { totals, mutation, advance, rows } = start(mode);
    const got = await mutation(async (ctx) => {
      await add("a", 2)(ctx);
      return await totals.get(ctx, key);
    });
    expect(got).toEqual({ count: 1, sum: 2 });
    await advance(60_000);
    expect(await rows("totals")).toMatchObject([{ value: got }]);
  });

  test("throws what compute throws, and the recompute is raised all the same", async () => {
    let isBroken = true;
    const compute: typeof total = async (ctx, args) => {
      if (isBroken) throw new Error("no source");
      return await total(ctx, args);
    };
    const app = start(mode, { compute });
    const lines = vi.spyOn(console, "debug").mockImplementation(() => {});
    await expect(app.query((ctx) => app.totals.get(ctx, key))).rejects.toThrow("no source");
    const messages = lines.mock.calls.map(([line]) => String(line));
    lines.mockRestore();
    expect(messages).toHaveLength(1);
    isBroken = false;
    await app.deliver(messages);
    await app.advance(60_000);
    expect((await app.collect((ctx) => app.totals.read(ctx, key))).result).toMatchObject({ state: "fresh" });
    isBroken = true;
    // A mutation that does not catch it is rolled back, as with any of its errors.
    await expect(app.mutation((ctx) => app.totals.get(ctx, { list: "b" }))).rejects.toThrow("no source");
    expect(await app.rows("totals")).toHaveLength(1);
  });

  test("later reads read one document, fresh or stale, and compute nothing", async () => {
    const compute = vi.fn(total);
    const { totals, settle, mutation, query } = start(mode, { compute });
    await settle((ctx) => totals.get(ctx, key));
    const count = compute.mock.calls.length;
    const readOnce = async () =>
      await query(async (ctx) => {
        const { state } = await totals.read(ctx, key);
        return { state, read: (await ctx.meta.getTransactionMetrics()).documentsRead.used };
      });
    vi.spyOn(console, "debug").mockImplementation(() => {});
    expect(await readOnce()).toEqual({ state: "fresh", read: 1 });
    await mutation(add("a", 1));
    expect(await readOnce()).toEqual({ state: "stale", read: 1 });
    expect(compute).toHaveBeenCalledTimes(count);
  });

  test('is null with onMissing: "null", and computes nothing', async () => {
    const compute = vi.fn(total);
    const { totals, collect } = start(mode, { onMissing: "null", compute });
    const { result, effects } = await collect((ctx) => totals.get(ctx, key));
    expect(result).toBeNull();
    expect(effects).toHaveLength(1);
    expect(compute).not.toHaveBeenCalled();
  });

  test("peek computes nothing", async () => {
    const { totals, query } = start(mode);
    expect(await query((ctx) => totals.peek(ctx, key))).toMatchObject({ state: "missing", value: null });
  });
});

test.each<Mode>(["action", "paged"])("in the mode %s, the first read of a key is null", async (mode) => {
  const { totals, collect } = start(mode);
  const { result, effects } = await collect((ctx) => totals.read(ctx, key));
  expect(result).toEqual({ state: "missing", value: null, computedAt: null, version: null });
  expect(effects).toHaveLength(1);
});
