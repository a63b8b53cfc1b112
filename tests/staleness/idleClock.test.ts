import { inspect } from "node:util";
import { anyApi, type FunctionReference } from "convex/server";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { delayJobs } from "../delayJobs.js";
import { putClockBack } from "../putClockBack.js";
import { SEED } from "../seed.js";
import { endTestApp, type QueryCtx, type TestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions, total } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const MINUTE = 60_000;
const EVICT_AFTER_MS = 60 * MINUTE;
const HALF_MS = EVICT_AFTER_MS / 2;
/** How late a sweep of half of `evictAfter` may be. */
const SPAN_MS = HALF_MS / 20;
const sweep = anyApi.lazy?.sweep as FunctionReference<"mutation">;

type Row = { askedAt?: number; idleAt?: number; asOf: bigint; computedAt: number };

/** An app whose one row a reader has asked for. */
async function start(options: TotalsOptions = {}) {
  const app = startTotals({ evictAfter: { hours: 1 }, onMissing: "null", ...options });
  const read = (ctx: QueryCtx) => app.totals.read(ctx, key);
  await app.settle(read);
  const row = async () => (await app.rows("totals"))[0] as Row | undefined;
  return {
    ...app,
    read,
    row,
    isIdle: async () => {
      const { askedAt = 0, idleAt = 0 } = (await row()) ?? {};
      return askedAt < idleAt;
    },
    /** Lets time pass until a sweep has found the row idle. */
    untilIdle: () => app.advance(HALF_MS + SPAN_MS),
  };
}

/** A subscribed query. It runs again when its row has changed, and its effects arrive, or are lost. */
function subscribe(app: Pick<TestApp, "rows" | "collect" | "deliver" | "advance">, read: (ctx: QueryCtx) => unknown) {
  let seen = "nothing";
  let writes = 0;
  return {
    /** Lets time pass; returns how often the row was written meanwhile. */
    async watch(ms: number, isLost = () => false): Promise<number> {
      const before = writes;
      for (let passed = 0; passed < ms; passed += MINUTE) {
        for (;;) {
          const now = inspect(await app.rows("totals"));
          if (now === seen) break;
          seen = now;
          writes++;
          const { messages } = await app.collect(read);
          if (!isLost()) await app.deliver(messages);
          await app.advance();
        }
        await app.advance(MINUTE);
      }
      return writes - before;
    },
  };
}

const states = async (app: Pick<TestApp, "collect">, read: (ctx: QueryCtx) => Promise<{ state: string }>) => {
  const { result, effects } = await app.collect(read);
  return [result.state, effects.length];
};

describe("a row that is watched", () => {
  test("stays, at two writes in evictAfter, and is not computed again", async () => {
    const app = await start();
    const { asOf } = (await app.row()) as Row;
    const subscriber = subscribe(app, app.read);
    await subscriber.watch(EVICT_AFTER_MS);
    const writes = await subscriber.watch(10 * EVICT_AFTER_MS);
    expect(await app.row()).toMatchObject({ asOf });
    expect(writes).toBeGreaterThan(10);
    expect(writes).toBeLessThanOrEqual(20);
  });

  test("goes at most one and a half times evictAfter after its last reader has gone", async () => {
    const app = await start();
    await subscribe(app, app.read).watch(HALF_MS + 5 * MINUTE);
    expect(await app.isIdle()).toBe(false);
    await app.advance(EVICT_AFTER_MS);
    expect(await app.row()).toBeDefined();
    await app.advance(HALF_MS + 3 * SPAN_MS);
    expect(await app.row()).toBeUndefined();
  });

  test("is deleted when each effect that would take it back is lost, and computed again then", async () => {
    const app = await start();
    const first = (await app.row()) as Row;
    const subscriber = subscribe(app, app.read);
    await subscriber.watch(MINUTE);
    await subscriber.watch(EVICT_AFTER_MS - 5 * MINUTE, () => true);
    expect(await app.isIdle()).toBe(true);
    await subscriber.watch(10 * MINUTE);
    expect(((await app.row()) as Row).asOf).toBeGreaterThan(first.asOf);
    expect(await states(app, app.read)).toEqual(["fresh", 0]);
  });

  test("stays when its recompute fails, and goes when its readers have gone", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    let isBroken = false;
    const app = await start({
      compute: async (ctx, wanted) => {
        if (isBroken) throw new Error("broken");
        return await total(ctx, wanted);
      },
    });
    isBroken = true;
    await app.mutation(add("a", 1));
    await subscribe(app, app.read).watch(6 * EVICT_AFTER_MS);
    expect(await app.row()).toBeDefined();
    await app.advance(1.5 * EVICT_AFTER_MS + 5 * SPAN_MS);
    expect(await app.row()).toBeUndefined();
  });

  test.each<[string, TotalsOptions]>([
    ["leased", { lease: { minutes: 5 } }],
    ["that writes keep up to date", { applyChange: (value) => value }],
    ["computed in a snapshot", { mode: "snapshot" }],
    ["of a view whose recomputes take turns", { mode: "snapshot", maxParallel: 1 }],
  ])("stays through anything that happens (%s)", async (_, options) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            ms: fc.integer({ min: 1, max: 40 }).map((minutes) => minutes * MINUTE),
            act: fc.constantFrom("write", "refresh", "invalidate", "nothing"),
          }),
          { minLength: 3, maxLength: 8 },
        ),
        async (steps) => {
          const app = await start(options);
          const subscriber = subscribe(app, app.read);
          for (const { ms, act } of steps) {
            if (act === "write") await app.mutation(add("a", 1));
            if (act === "refresh") await app.mutation((ctx) => app.totals.refresh(ctx, key));
            if (act === "invalidate") await app.mutation((ctx) => app.totals.invalidate(ctx, key));
            await subscriber.watch(ms);
            expect(await app.row()).toBeDefined();
          }
          await app.advance(1.5 * EVICT_AFTER_MS + 4 * SPAN_MS);
          expect(await app.row()).toBeUndefined();
          endTestApp();
        },
      ),
      { seed: SEED, numRuns: 8 },
    );
  });
});

describe("a row that is idle", () => {
  test("is served as it is: one document read, none written, and its recompute raised", async () => {
    const app = await start();
    const before = await app.query(app.read);
    await app.untilIdle();
    const { result, effects } = await app.collect(async (ctx) => {
      const read = await app.read(ctx);
      const { documentsRead, databaseQueries } = await ctx.meta.getTransactionMetrics();
      return { read, documents: documentsRead.used, ranges: databaseQueries.used };
    });
    expect(result).toEqual({ read: before, documents: 1, ranges: 1 });
    expect(effects).toMatchObject([{ args: { view: "totals", args: key } }]);
  });

  const readers: [string, (app: Awaited<ReturnType<typeof start>>, ctx: QueryCtx) => Promise<unknown>][] = [
    ["get", (app, ctx) => app.totals.get(ctx, key)],
    ["read", (app, ctx) => app.totals.read(ctx, key)],
    ["getMany", (app, ctx) => app.totals.getMany(ctx, [key])],
    ["readRows", (app, ctx) => app.totals.readRows(ctx, ctx.db.query("totals").collect() as never)],
    ["warm", (app, ctx) => app.lazy.warm(ctx, app.totals, [key])],
  ];

  test.each(readers)("is taken back by %s, without a recompute", async (_, read) => {
    const app = await start();
    const before = (await app.row()) as Row;
    await app.untilIdle();
    const { messages } = await app.collect((ctx) => read(app, ctx));
    await app.deliver(messages);
    await app.advance();
    expect(await app.isIdle()).toBe(false);
    expect(await app.row()).toMatchObject({ asOf: before.asOf, computedAt: before.computedAt });
    expect((await app.collect((ctx) => read(app, ctx))).effects).toEqual([]);
    await app.advance(HALF_MS + SPAN_MS);
    expect(await app.row()).toBeDefined();
  });

  test.each(readers)("is taken back by %s in a mutation, too", async (_, read) => {
    const app = await start();
    await app.untilIdle();
    await app.mutation((ctx) => read(app, ctx));
    await app.advance();
    expect(await app.isIdle()).toBe(false);
  });

  test("is not taken back by peek", async () => {
    const app = await start();
    await app.untilIdle();
    const { result, effects } = await app.collect((ctx) => app.totals.peek(ctx, key));
    expect([result.state, effects]).toEqual(["fresh", []]);
    await app.testing.expectState(app.totals, key, "fresh");
    await app.advance(HALF_MS + SPAN_MS);
    await app.testing.expectState(app.totals, key, "missing");
  });

  test("stays idle when a write has it computed, and is taken back when a reader has", async () => {
    const app = await start();
    await app.untilIdle();
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    expect(await app.isIdle()).toBe(true);
    await app.mutation(add("a", 1));
    await app.settle(app.read);
    expect(await app.isIdle()).toBe(false);
  });

  test("stays idle when the recompute of a leased row is committed", async () => {
    const app = await start({ lease: { hours: 24 } });
    await app.untilIdle();
    await app.mutation(add("a", 1));
    await app.advance(10_000);
    await app.testing.expectState(app.totals, key, "fresh");
    expect(await app.isIdle()).toBe(true);
    await app.advance(HALF_MS + SPAN_MS);
    expect(await app.row()).toBeUndefined();
  });

  test("is kept for a reader whose effect arrives just before its time is over, though the recompute is late", async () => {
    const app = await start();
    await app.untilIdle();
    await app.advance(HALF_MS - MINUTE);
    delayJobs(({ name }) => (name === "lazy:recompute" ? 5 * MINUTE : 0));
    const { messages } = await app.collect(app.read);
    await app.deliver(messages);
    await app.advance(4 * MINUTE);
    expect(await app.isIdle()).toBe(true);
    await app.advance(MINUTE);
    expect(await app.isIdle()).toBe(false);
  });

  test("is kept while its effect waits for the end of a window, and found idle once more", async () => {
    const app = await start({ window: { hours: 2 } } as TotalsOptions);
    await app.untilIdle();
    const { idleAt } = (await app.row()) as Row;
    const { messages } = await app.collect(app.read);
    await app.deliver(messages);
    await app.advance(HALF_MS + 2 * SPAN_MS);
    expect(await app.isIdle()).toBe(true);
    expect((await app.row())?.idleAt).toBeGreaterThan(idleAt as number);
    await app.advance(EVICT_AFTER_MS);
    expect(await app.isIdle()).toBe(false);
  });

  test("is kept while a run computes it, and while it waits for its turn", async () => {
    const app = await start({ mode: "snapshot", maxParallel: 1 });
    await app.settle((ctx) => app.totals.getMany(ctx, [key, { list: "b" }, { list: "c" }]));
    await app.t.run(async (ctx) => {
      const [a, b] = await ctx.db.query("totals").collect();
      const expiresAt = Date.now() + 24 * EVICT_AFTER_MS;
      await ctx.db.insert("lazyRuns", { view: "totals", key: a?.key, version: 1, args: a?.args, expiresAt });
      await ctx.db.insert("lazyTurns", { view: "totals", key: b?.key, job: {} });
    });
    await app.advance(4 * EVICT_AFTER_MS);
    expect((await app.rows("totals")).map(({ args }) => args)).toEqual([key, { list: "b" }]);
  });

  test("is taken back also by a server whose clock is behind", async () => {
    const app = await start();
    await app.untilIdle();
    await putClockBack(app.t);
    await app.settle(app.read);
    expect(await app.isIdle()).toBe(false);
    await app.t.run(async (ctx) => {
      for (const { _id } of await ctx.db.query("totals").collect()) await ctx.db.patch(_id, { dirtyAt: 1, askedAt: 1 });
    });
    await app.settle(app.read);
    expect(await app.isIdle()).toBe(false);
  });

  test("has its time from when it was found idle, however late the sweep is", async () => {
    const app = await start();
    await app.t.run(async (ctx) => {
      for (const { _id, state } of await ctx.db.system.query("_scheduled_functions").collect()) {
        if (state.kind === "pending") await ctx.scheduler.cancel(_id);
      }
    });
    const sweepAt = Date.now() + HALF_MS;
    await app.advance(10 * EVICT_AFTER_MS);
    await app.t.mutation(sweep, { job: { kind: "due", table: "totals", sweepAt } });
    await app.advance(HALF_MS - MINUTE);
    expect(await app.isIdle()).toBe(true);
    await app.settle(app.read);
    expect(await app.isIdle()).toBe(false);
  });

  test("is not idle for readers of a view without evictAfter", async () => {
    const app = await start();
    await app.untilIdle();
    const [row] = await app.rows("totals");
    endTestApp();
    const plain = startTotals();
    await plain.t.run(async (ctx) => {
      const { _id, _creationTime, ...fields } = row as Record<string, unknown>;
      await ctx.db.insert("totals", fields);
    });
    expect(await states(plain, (ctx) => plain.totals.read(ctx, key))).toEqual(["fresh", 0]);
  });
});

test("a reader's recompute that fails takes the row back, so that it stays for its reader", async () => {
  vi.spyOn(console, "error").mockReturnValue();
  let isBroken = false;
  const app = await start({
    compute: (ctx, wanted) => {
      if (isBroken) throw new Error("broken");
      return total(ctx, wanted);
    },
  });
  await app.untilIdle();
  isBroken = true;
  await app.mutation(add("a", 1));
  await app.readAndSettle(app.read);
  expect(await app.isIdle()).toBe(false);
});
