import { defineView, type EffectCtx, when } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";
import { add, startTotals, tables, total, totalsTable, totalsView } from "../totals.js";

afterEach(endTestApp);
const key = { list: "a" };

describe("get and read", () => {
  test("missing → null and a recompute; fresh → the value and nothing", async () => {
    const { totals, mutation, collect, readAndSettle } = startTotals();
    await mutation(add("a", 2));
    const missing = await collect((ctx) => totals.get(ctx, key));
    expect(missing.result).toBeNull();
    expect(missing.effects).toMatchObject([{ target: "lazy:recompute", seen: 0n }]);
    await readAndSettle((ctx) => totals.get(ctx, key));

    const fresh = await collect((ctx) => totals.read(ctx, key));
    expect(fresh.effects).toEqual([]);
    expect(fresh.result).toEqual({
      state: "fresh",
      value: { count: 1, sum: 2 },
      computedAt: expect.any(Number),
      version: 1,
    });
  });

  test("stale → the old value and a recompute from the commit that was seen", async () => {
    const { totals, mutation, collect, readAndSettle, rows } = startTotals();
    await readAndSettle((ctx) => totals.get(ctx, key));
    const [{ asOf } = {}] = await rows("totals");
    await mutation(add("a", 2));
    const stale = await collect((ctx) => totals.read(ctx, key));
    expect(stale.result).toMatchObject({ state: "stale", value: { count: 0, sum: 0 } });
    expect(stale.effects).toMatchObject([{ args: { view: "totals", args: key }, seen: asOf }]);
  });

  test("a hit reads one document and one index range, and writes none", async () => {
    const { totals, mutation, query, readAndSettle } = startTotals();
    for (let n = 0; n < 30; n++) await mutation(add("a", n));
    await readAndSettle((ctx) => totals.get(ctx, key));
    const metrics = await query(async (ctx) => {
      await totals.get(ctx, key);
      return await ctx.meta.getTransactionMetrics();
    });
    expect(metrics.documentsRead.used).toBe(1);
    expect(metrics.databaseQueries.used).toBe(1);
    expect(metrics.documentsWritten.used).toBe(0);
  });

  test('onMissing: "compute" answers from the sources at once, and raises the backfill', async () => {
    const { totals, mutation, collect, rows } = startTotals({ onMissing: "compute" });
    await mutation(add("a", 2));
    const { result, effects } = await collect((ctx) => totals.read(ctx, key));
    expect(result).toEqual({
      state: "missing",
      value: { count: 1, sum: 2 },
      computedAt: null,
      version: null,
    });
    expect(effects).toHaveLength(1);
    expect(await rows("totals")).toEqual([]);
  });

  test("works in mutations, whose effects are dispatched in their own transaction", async () => {
    const { totals, mutation, collect, advance } = startTotals();
    expect(await mutation((ctx) => totals.get(ctx, key))).toBeNull();
    await advance(1_000);
    expect((await collect((ctx) => totals.read(ctx, key))).result).toMatchObject({
      state: "fresh",
    });
  });
});

describe("getMany", () => {
  test("keeps the order, and the effects of all keys leave in one line", async () => {
    const { totals, mutation, collect, deliver, advance } = startTotals();
    await mutation(add("b", 5));
    const keys = ["a", "b", "c", "a"].map((list) => ({ list }));
    const { result, effects, messages } = await collect((ctx) => totals.getMany(ctx, keys));
    expect(result).toEqual([null, null, null, null]);
    expect(effects.map(({ args }) => args.args)).toEqual(keys.slice(0, 3));
    expect(messages).toHaveLength(1);
    await deliver(messages);
    await advance(1_000);
    const settled = await collect((ctx) => totals.getMany(ctx, keys));
    expect(settled.result.map((value) => value?.sum)).toEqual([0, 5, 0, 0]);
    expect(settled.effects).toEqual([]);
  });
});

describe("peek", () => {
  test("finds what read finds, raises nothing, and takes a plain ctx", async () => {
    const { totals, t, mutation, readAndSettle, collect } = startTotals();
    expect(await t.query((ctx) => totals.peek(ctx, key))).toMatchObject({ state: "missing" });
    await readAndSettle((ctx) => totals.get(ctx, key));
    await mutation(add("a", 1));
    const { result, effects } = await collect((ctx) => totals.peek(ctx, key));
    expect(result).toMatchObject({ state: "stale", value: { count: 0, sum: 0 } });
    expect(effects).toEqual([]);
  });
});

describe("versions", () => {
  async function seeded(options: Parameters<typeof startTotals>[0]) {
    const app = startTotals(options);
    await app.t.run(async (ctx) => {
      const row = { key: '{"list":"a"}', args: key, value: { old: true }, version: 1 };
      await ctx.db.insert("totals", { ...row, asOf: 4n, computedAt: 0 } as never);
    });
    return app;
  }

  test("a row of an older version is expired: not served, and recomputed", async () => {
    const { totals, collect, readAndSettle } = await seeded({ version: 2 });
    const { result, effects } = await collect((ctx) => totals.read(ctx, key));
    expect(result).toEqual({ state: "expired", value: null, computedAt: 0, version: 1 });
    expect(effects).toMatchObject([{ seen: 4n }]);
    await readAndSettle((ctx) => totals.get(ctx, key));
    expect((await collect((ctx) => totals.read(ctx, key))).result).toMatchObject({
      state: "fresh",
      version: 2,
      value: { count: 0 },
    });
  });

  test("a compatible one is stale: served until it is recomputed", async () => {
    const { totals, collect } = await seeded({ version: 2, compatible: [1] });
    const { result, effects } = await collect((ctx) => totals.read(ctx, key));
    expect(result).toMatchObject({ state: "stale", value: { old: true }, version: 1 });
    expect(effects).toHaveLength(1);
  });

  test('an expired row with onMissing: "compute" is computed in the query', async () => {
    const { totals, collect } = await seeded({ version: 2, onMissing: "compute" });
    const { result } = await collect((ctx) => totals.read(ctx, key));
    expect(result).toMatchObject({ state: "expired", value: { count: 0, sum: 0 } });
  });
});

describe("invalidate, refresh and evict", () => {
  test("invalidate makes the next read stale; without a row it does nothing", async () => {
    const { totals, mutation, collect, readAndSettle, rows } = startTotals();
    await mutation((ctx) => totals.invalidate(ctx, key));
    expect(await rows("totals")).toEqual([]);
    await readAndSettle((ctx) => totals.get(ctx, key));
    await mutation((ctx) => totals.invalidate(ctx, key));
    expect((await collect((ctx) => totals.read(ctx, key))).result).toMatchObject({
      state: "stale",
    });
  });

  test("refresh computes in the mutation, with what it has written", async () => {
    const { totals, mutation, collect } = startTotals();
    const value = await mutation(async (ctx) => {
      await add("a", 7)(ctx);
      return await totals.refresh(ctx, key);
    });
    expect(value).toEqual({ count: 1, sum: 7 });
    const { result, effects } = await collect((ctx) => totals.read(ctx, key));
    expect(result).toMatchObject({ state: "fresh", value });
    expect(effects).toEqual([]);
  });

  test("a write after a refresh, in the same mutation, makes the row stale again", async () => {
    const { totals, mutation, collect } = startTotals();
    await mutation(async (ctx) => {
      await totals.refresh(ctx, key);
      await add("a", 1)(ctx);
      await totals.refresh(ctx, key);
      await add("a", 1)(ctx);
    });
    expect((await collect((ctx) => totals.read(ctx, key))).result).toMatchObject({
      state: "stale",
      value: { count: 1, sum: 1 },
    });
  });

  test("evict deletes the row, and the next read has it computed, inside the window too", async () => {
    const { totals, mutation, readAndSettle, collect, rows, deliver, advance } = startTotals();
    const { messages } = await collect((ctx) => totals.get(ctx, key));
    await deliver(messages);
    await advance(10);
    expect(await mutation((ctx) => totals.evict(ctx, key))).toBe(true);
    expect(await mutation((ctx) => totals.evict(ctx, key))).toBe(false);
    expect(await rows("totals")).toEqual([]);
    // The window of the first recompute is still open, and the reader who asked for it saw no row either.
    await readAndSettle((ctx) => totals.get(ctx, key));
    expect((await collect((ctx) => totals.read(ctx, key))).result).toMatchObject({
      state: "fresh",
    });
  });

  test("refresh throws what compute throws, and keeps the old row", async () => {
    let broken = false;
    const { totals, mutation, collect } = startTotals({
      compute: (ctx, args) => {
        if (broken) throw new Error("no source");
        return total(ctx, args);
      },
    });
    await mutation((ctx) => totals.refresh(ctx, key));
    broken = true;
    await expect(mutation((ctx) => totals.refresh(ctx, key))).rejects.toThrow("no source");
    expect((await collect((ctx) => totals.read(ctx, key))).result).toMatchObject({
      state: "fresh",
    });
  });
});

test("a refresh whose new row the predicate calls stale changes nothing, even when the app catches it", async () => {
  let isStale = false;
  const { totals, mutation, rows } = startTotals({ staleWhen: when(() => isStale) });
  await mutation((ctx) => totals.refresh(ctx, key));
  const before = await rows("totals");
  isStale = true;
  await mutation(async (ctx) => {
    await expect(totals.refresh(ctx, key)).rejects.toThrow("right after it was computed");
  });
  expect(await rows("totals")).toEqual(before);
});

/** Calls that only an app without types can make. */
type Writer = {
  db: Record<"insert" | "delete", (...args: unknown[]) => unknown>;
  scheduler: { runAfter(delay: number, target: string): unknown };
  runMutation(target: string): unknown;
};

describe("what compute gets", () => {
  test("can read other views, in the query itself as well as in a recompute", async () => {
    const totals = totalsView();
    const doubled = defineView("doubled", {
      table: totalsTable,
      onMissing: "compute",
      compute: async (ctx: QueryCtx & EffectCtx, args: { list: string }) => {
        const value = await totals.get(ctx, args);
        return { count: value?.count ?? -1, sum: 0 };
      },
    });
    const app = startTestApp({
      tables: { ...tables, doubled: totalsTable },
      views: { totals, doubled },
    });
    const { result, effects } = await app.collect((ctx) => doubled.get(ctx, key));
    // It is computed in place, and raises nothing of its own.
    expect(result).toEqual({ count: 0, sum: 0 });
    expect(effects.map(({ args }) => args.view)).toEqual(["doubled"]);
    await app.readAndSettle((ctx) => doubled.get(ctx, key));
    const settled = await app.collect((ctx) => doubled.read(ctx, key));
    expect(settled.result).toMatchObject({ state: "fresh" });
  });

  test.each<[string, (ctx: Writer) => unknown]>([
    ["ctx.db.insert", ({ db }) => db.insert("items", { list: "a", n: 1 })],
    ["ctx.db.delete", ({ db }) => db.delete("x")],
    ["ctx.scheduler", ({ scheduler }) => scheduler.runAfter(0, "x")],
    ["ctx.runMutation", (ctx) => ctx.runMutation("x")],
  ])("cannot write or schedule: %s says so, wherever it runs", async (path, write) => {
    const compute = async (ctx: object) => {
      await write(ctx as Writer);
      return { count: 0, sum: 0 };
    };
    const { totals, mutation, query, readAndSettle, inspect } = startTotals({ onMissing: "compute", compute });
    const message = `${path}: compute and predicates only read; write or schedule in a mutation.`;
    vi.spyOn(console, "debug").mockImplementation(() => {});
    await expect(query((ctx) => totals.get(ctx, key))).rejects.toThrow(message);
    await expect(mutation((ctx) => totals.get(ctx, key))).rejects.toThrow(message);
    await expect(mutation((ctx) => totals.refresh(ctx, key))).rejects.toThrow(message);
    await readAndSettle((ctx) => totals.get(ctx, key).catch(() => null));
    expect((await inspect()).views.totals?.failures).toMatchObject([{ key, message }]);
    const inSnapshot = startTotals({ mode: "snapshot", onMissing: "null", compute });
    await inSnapshot.readAndSettle((ctx) => inSnapshot.totals.get(ctx, key));
    const [failure] = (await inSnapshot.inspect()).views.totals?.failures ?? [];
    expect(failure?.message).toContain(message);
  });

  test("only reads, wherever it runs", async () => {
    const seen: string[][] = [];
    const { totals, mutation, query } = startTotals({
      onMissing: "compute",
      compute: (ctx) => {
        seen.push([...Object.keys(ctx.db), ...Object.keys(ctx)].sort());
        return { count: 0, sum: 0 };
      },
    });
    vi.spyOn(console, "debug").mockImplementation(() => {});
    await query((ctx) => totals.get(ctx, key));
    await mutation((ctx) => totals.get(ctx, key));
    await mutation((ctx) => totals.refresh(ctx, key));
    expect(seen).toHaveLength(3);
    for (const names of seen) {
      expect(names).toContain("query");
      for (const writes of ["insert", "patch", "replace", "delete", "runMutation", "scheduler"]) {
        expect(names).not.toContain(writes);
      }
    }
  });
});
