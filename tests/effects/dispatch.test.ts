import { anyApi, type FunctionReference } from "convex/server";
import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { dispatchInChunks } from "../../src/effects/dispatch.js";
import { endTestApp, noteTargets, startTestApp, type TestApp } from "../testApp.js";
import { add, startTotals, tables } from "../totals.js";

afterEach(endTestApp);

const effect = (text: string, more: object = {}) => ({
  target: "targets:note",
  args: { text },
  windowMs: 10_000,
  ...more,
});
const start = () => startTestApp({ tables, modules: { targets: noteTargets() } });
/** Until the test ends, Convex does not know this function. */
function refuseToSchedule(target: string) {
  const convex = (globalThis as unknown as { Convex: ConvexSyscalls }).Convex;
  const original = Object.getOwnPropertyDescriptor(convex, "asyncSyscall")?.get as () => Syscall;
  const spied = vi.spyOn(convex as { asyncSyscall: unknown }, "asyncSyscall" as never, "get");
  const refusing: Syscall = async (op, args) => {
    if (op === "1.0/schedule" && args.includes(target)) {
      throw new Error(`Attempted to schedule function, but no exported function ${target} found`);
    }
    return await original.call(convex)(op, args);
  };
  spied.mockReturnValue(refusing as never);
}
type Syscall = (op: string, args: string) => Promise<string>;
type ConvexSyscalls = { asyncSyscall: Syscall };

/** An effect of a reader that saw the row of the list "a" as of a snapshot, or none. */
const seen = (asOf: unknown) => ({
  target: "lazy:recompute",
  args: { view: "totals", args: { list: "a" } },
  windowMs: 10_000,
  seen: asOf,
});
/** The `asOf` of the one row. */
async function asOf({ rows }: Pick<TestApp, "rows">): Promise<bigint> {
  const [row, ...others] = await rows("totals");
  expect(others).toEqual([]);
  return row?.asOf as bigint;
}

const none = { dispatched: 0, trailing: 0, duplicates: 0, superseded: 0, refused: 0 };

describe("an effect", () => {
  test("runs once in its window, and again after it", async () => {
    const app = start();
    expect(await app.dispatch([effect("a")])).toEqual({ ...none, dispatched: 1 });
    expect(await app.dispatch([effect("a"), effect("a")])).toEqual({ ...none, duplicates: 2 });
    await app.advance(9_999);
    expect(await app.dispatch([effect("a")])).toEqual({ ...none, duplicates: 1 });
    await app.advance(1);
    expect(await app.dispatch([effect("a")])).toEqual({ ...none, dispatched: 1 });
    await app.advance(0);
    expect(await app.rows("notes")).toHaveLength(2);
  });

  test("with other arguments is other work; with the same key it is the same work, whatever its arguments", async () => {
    const app = start();
    expect(await app.dispatch([effect("a"), effect("b")])).toEqual({ ...none, dispatched: 2 });
    const keyed = [effect("c", { key: "k" }), effect("d", { key: "k" }), effect("e", { key: "l" })];
    expect(await app.dispatch(keyed)).toEqual({ ...none, dispatched: 2, duplicates: 1 });
    await app.advance(0);
    expect((await app.rows("notes")).map((row) => row.text)).toEqual(["a", "b", "c", "e"]);
  });

  test("with an empty window is never a duplicate", async () => {
    const app = start();
    const eager = effect("a", { windowMs: 0 });
    expect(await app.dispatch([eager, eager])).toEqual({ ...none, dispatched: 2 });
  });

  test("that is a duplicate writes nothing", async () => {
    const app = start();
    await app.dispatch([effect("a")]);
    const before = [await app.rows("lazyEffects"), await app.rows("lazySweeps"), await app.jobs()];
    await app.dispatch(Array.from({ length: 50 }, () => effect("a")));
    expect([await app.rows("lazyEffects"), await app.rows("lazySweeps"), await app.jobs()]).toEqual(before);
  });

  test("that Convex refuses to schedule is remembered, and stops no other", async () => {
    const app = start();
    // A real deployment refuses to schedule a function that does not exist; convex-test fails when it runs.
    refuseToSchedule("targets:missing");
    const missing = { target: "targets:missing", args: {}, windowMs: 10_000 };
    expect(await app.dispatch([missing, effect("good")])).toEqual({
      ...none,
      refused: 1,
      dispatched: 1,
    });
    expect(await app.dispatch([missing])).toEqual({ ...none, duplicates: 1 });
    expect((await app.inspect()).ledger).toMatchObject({
      entries: 2,
      failures: [
        {
          target: "targets:missing",
          key: "{}",
          attempts: 1,
          message: expect.stringMatching(/^targets:missing could not be scheduled: Attempted/),
        },
      ],
    });
  });
});

describe("a recompute", () => {
  test("whose row was committed since is superseded, and writes nothing", async () => {
    const app = startTotals();
    // A first write, since the snapshot of an empty database is 0.
    await app.mutation(add("a", 1));
    await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
    expect(await app.dispatch([seen(0n)])).toEqual({ ...none, superseded: 1 });
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("of many large rows is dispatched, although looking at them all would exceed a transaction", async () => {
    const table = viewTable({ key: { list: v.string() }, value: v.string() });
    const large = defineView("large", { table, compute: () => "x".repeat(400_000) });
    const app = startTestApp({
      tables: { large: table },
      views: { large },
      limits: { bytesRead: 16 * 2 ** 20 },
    });
    const keys = Array.from({ length: 60 }, (_, i) => ({ list: `list ${i}` }));
    for (const key of keys) await app.mutation((ctx) => large.refresh(ctx, key));
    const newest = BigInt(Date.now() + 60_000) * 1_000_000n;
    const effects = keys.map((args) => ({ ...seen(newest), args: { view: "large", args } }));
    expect(await app.dispatch(effects)).toMatchObject({ dispatched: 60 });
  });

  test("of a newer commit inside the window runs once at its end, and opens the next window", async () => {
    const app = startTotals();
    expect(await app.dispatch([seen(0n)])).toEqual({ ...none, dispatched: 1 });
    await app.advance(1_000);
    await app.mutation(add("a", 1));
    const first = await asOf(app);
    expect(await app.dispatch([seen(first), seen(first)])).toEqual({
      ...none,
      trailing: 1,
      duplicates: 1,
    });
    await app.mutation(add("a", 2));
    expect(await app.dispatch([seen(first)])).toEqual({ ...none, duplicates: 1 });
    await app.advance(8_990);
    expect(await asOf(app)).toBe(first);
    await app.advance(20);
    const second = await asOf(app);
    expect(second).toBeGreaterThan(first);
    expect(await app.rows("totals")).toMatchObject([{ value: { count: 2, sum: 3 } }]);
    await app.mutation(add("a", 3));
    expect(await app.dispatch([seen(second)])).toEqual({ ...none, trailing: 1 });
    await app.advance(9_000);
    expect(await asOf(app)).toBe(second);
    await app.advance(1_020);
    expect(await asOf(app)).toBeGreaterThan(second);
    expect(await app.rows("totals")).toMatchObject([{ value: { count: 3 } }]);
  });

  test("that was put off stops when another window was opened before it ran", async () => {
    const app = startTotals();
    await app.dispatch([seen(0n)]);
    await app.advance(1_000);
    await app.mutation(add("a", 1));
    const first = await asOf(app);
    expect(await app.dispatch([seen(first)])).toEqual({ ...none, trailing: 1 });
    // The scheduler lags: the window ends, and a read opens the next window before the job starts.
    await app.t.run(async (ctx) => {
      const [entry] = await ctx.db.query("lazyEffects").collect();
      const windowEndsAt = Date.now() + 60_000;
      await ctx.db.patch("lazyEffects", entry?._id as never, {
        windowEndsAt,
        trailingJob: undefined,
      });
    });
    await app.advance(9_500);
    expect(await asOf(app)).toBe(first);
  });

  test("that was put off runs although its entry is gone", async () => {
    const app = startTotals();
    await app.dispatch([seen(0n)]);
    await app.advance(1_000);
    await app.mutation(add("a", 1));
    const first = await asOf(app);
    expect(await app.dispatch([seen(first)])).toEqual({ ...none, trailing: 1 });
    await app.t.run(async (ctx) => {
      const [entry] = await ctx.db.query("lazyEffects").collect();
      await ctx.db.delete("lazyEffects", entry?._id as never);
    });
    await app.advance(9_500);
    expect(await asOf(app)).toBeGreaterThan(first);
  });
});

describe("clean-up", () => {
  test("deletes what has expired, and is not scheduled when nothing can expire", async () => {
    const app = start();
    expect(await app.jobs()).toEqual([]);
    await app.dispatch([effect("a"), effect("b")]);
    const sweeps = async () => (await app.jobs()).filter((job) => job.name === "lazy:sweep");
    expect(await sweeps()).toHaveLength(1);
    await app.advance(20 * 60_000);
    expect(await app.rows("lazyEffects")).toEqual([]);
    expect(await app.rows("lazySweeps")).toEqual([]);
    expect(await sweeps()).toMatchObject([{ state: { kind: "success" } }]);
  });

  test("goes on in bounded transactions", async () => {
    const app = start();
    const many = Array.from({ length: 250 }, (_, i) => effect(`number ${i}`));
    await app.dispatch(many.slice(0, 125));
    await app.dispatch(many.slice(125));
    expect(await app.rows("lazyEffects")).toHaveLength(250);
    await app.advance(20 * 60_000);
    expect(await app.rows("lazyEffects")).toEqual([]);
    const sweeps = (await app.jobs()).filter((job) => job.name === "lazy:sweep");
    expect(sweeps).toHaveLength(3);
  });

  test("leaves an entry whose window was opened again, for the next sweep", async () => {
    const app = start();
    await app.dispatch([effect("a")]);
    await app.advance(9 * 60_000 + 55_000);
    await app.dispatch([effect("a")]);
    await app.advance(6_000);
    expect(await app.rows("lazyEffects")).toHaveLength(1);
    await app.advance(10 * 60_000);
    expect(await app.rows("lazyEffects")).toEqual([]);
  });
});

describe("in chunks", () => {
  const counted = { ...none, dispatched: 1 };
  const poison = effect("poison");

  test("an effect that cannot be dispatched is refused, and holds up no other", async () => {
    const seen: string[] = [];
    const effects = [effect("a"), poison, effect("b")];
    const counts = await dispatchInChunks(effects, async (chunk) => {
      if (chunk.includes(poison)) throw new Error("not valid");
      seen.push(...chunk.map(({ args }) => String(args.text)));
      return counted;
    });
    expect(seen).toEqual(["a", "b"]);
    expect(counts).toEqual({ ...none, dispatched: 2, refused: 1 });
  });

  test("when none can be dispatched, it throws", async () => {
    const failing = dispatchInChunks([effect("a"), effect("b")], async () => {
      throw new Error("dispatch is not there");
    });
    await expect(failing).rejects.toThrow("dispatch is not there");
  });

  test("effects that are refused one by one, after their chunk has failed, are no failure", async () => {
    const counts = await dispatchInChunks([effect("a"), effect("b")], async (chunk) => {
      if (chunk.length > 1) throw new Error("too much for one transaction");
      return { ...none, refused: 1 };
    });
    expect(counts).toEqual({ ...none, refused: 2 });
  });
});

test("an effect from before an eviction does not make the new row's effect a repetition", async () => {
  const app = startTotals();
  await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
  const evicted = await asOf(app);
  await app.mutation((ctx) => app.totals.evict(ctx, { list: "a" }));
  // The effect of a reader that saw the evicted row arrives late.
  expect(await app.dispatch([seen(evicted)])).toMatchObject({ dispatched: 1 });
  await app.advance();
  await app.mutation(add("a", 1));
  const anew = await asOf(app);
  expect(await app.dispatch([seen(anew)])).toMatchObject({ trailing: 1, duplicates: 0 });
});

test("an effect of a row that was evicted is superseded by the new row; one of the new row is not", async () => {
  const app = startTotals();
  const refresh = () => app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
  for (let i = 0; i < 3; i++) await refresh();
  const evicted = await asOf(app);
  await app.mutation((ctx) => app.totals.evict(ctx, { list: "a" }));
  await refresh();
  const anew = await asOf(app);
  expect(anew).toBeGreaterThan(evicted);
  expect(await app.dispatch([seen(evicted)])).toMatchObject({ superseded: 1 });
  expect(await app.dispatch([seen(0n)])).toMatchObject({ superseded: 1 });
  expect(await app.dispatch([seen(anew)])).toMatchObject({ dispatched: 1 });
});

test("a job that starts in the window of another one leaves the work to that one's", async () => {
  const app = startTotals();
  await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
  const [entry] = await app.rows("lazyEffects");
  const windowEndsAt = entry?.windowEndsAt as number;
  expect(windowEndsAt).toBeGreaterThan(Date.now());
  await app.mutation((ctx) => app.totals.invalidate(ctx, { list: "a" }));
  const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
  const start = async (of: number, isTrailing: boolean) => {
    const start = { windowEndsAt: of, isTrailing };
    const job = { kind: "attempt", view: "totals", args: { list: "a" }, start };
    return await app.t.mutation(recompute, { job });
  };
  expect(await start(windowEndsAt - 10_000, false)).toBe("overtaken");
  expect(await start(windowEndsAt - 10_000, true)).toBe("overtaken");
  expect(await start(windowEndsAt, false)).toBe("committed");
});
