import { anyApi, type FunctionReference, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Mode } from "../../src/views/definition.js";
import { putClockBack } from "../putClockBack.js";
import { type AppOptions, endTestApp } from "../testApp.js";
import { type Key, startTotals, type TotalsOptions, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

const sums = {
  total: queryGeneric({
    args: { list: v.string() },
    handler: async (ctx, args) => await total(ctx as never, args),
  }),
};

const lists = (count: number) => Array.from({ length: count }, (_, i) => ({ list: String(i) }));

/** An app whose totals are computed two at a time, and how many were under way at most. */
function start(mode: Mode, options: TotalsOptions = {}, more: AppOptions = {}) {
  let running = 0;
  let most = 0;
  const app = startTotals(
    {
      mode,
      maxParallel: 2,
      compute: async (ctx, key) => {
        most = Math.max(most, ++running);
        try {
          return await ctx.runQuery(anyApi.sums?.total as FunctionReference<"query">, key);
        } finally {
          running--;
        }
      },
      ...options,
    },
    { modules: { sums }, ...more },
  );
  const readAll = (count: number) => app.collect((ctx) => app.totals.getMany(ctx, lists(count)));
  return {
    ...app,
    most: () => most,
    readAll,
    async askForAll(count: number) {
      const { messages } = await readAll(count);
      await app.deliver(messages);
    },
    slots: async () => (await app.rows("lazySlots")).length,
    waiting: async () => (await app.rows("lazyQueue")).length,
    /** Lets what is due run, one moment after the other, and tells the most slots that were in use. */
    async runDown() {
      let slots = 0;
      for (let i = 0; i < 400; i++) {
        vi.advanceTimersByTime(1);
        await app.t.finishInProgressScheduledFunctions();
        slots = Math.max(slots, (await app.rows("lazySlots")).length);
      }
      return slots;
    },
  };
}

describe.each<Mode>(["transaction", "snapshot", "action"])("maxParallel in the mode %s", (mode) => {
  test("lets so many run at a time, and the others wait their turn", async () => {
    const app = start(mode);
    await app.askForAll(20);
    expect(await app.runDown()).toBe(2);
    expect(app.most()).toBeLessThanOrEqual(2);
    expect(await app.slots()).toBe(0);
    expect(await app.waiting()).toBe(0);
    const { effects } = await app.readAll(20);
    expect(effects).toEqual([]);
  });

  test("a recompute that fails hands its turn on", async () => {
    const app = start(mode, {
      compute: (_, { list }) => {
        if (Number(list) % 2 === 0) throw new Error("broken");
        return { count: 1, sum: 1 };
      },
    });
    await app.askForAll(10);
    await app.runDown();
    expect(await app.slots()).toBe(0);
    expect((await app.readAll(10)).result.filter((value) => value !== null)).toHaveLength(5);
  });
});

test("hundreds of rows of an old version are recomputed two at a time", async () => {
  const app = start("snapshot", { version: 2 });
  await app.t.run(async (ctx) => {
    for (const args of lists(300)) {
      const row = { key: JSON.stringify(args), args, value: { count: 0, sum: 0 } };
      await ctx.db.insert("totals", { ...row, seq: 1, version: 1, asOf: 0n, computedAt: 0 });
    }
  });
  await app.askForAll(300);
  vi.advanceTimersByTime(1);
  await app.t.finishInProgressScheduledFunctions();
  vi.advanceTimersByTime(1);
  await app.t.finishInProgressScheduledFunctions();
  const refreshing = (await app.rows("totals")).filter((row) => "refreshing" in row);
  expect(refreshing.length).toBeLessThanOrEqual(2);
  expect(await app.waiting()).toBeGreaterThan(290);
});

test("the turn of an action that died is handed on by its watchdog", async () => {
  const app = start("action", { timeout: { seconds: 30 } }, { forgotten: ["act"] });
  vi.spyOn(console, "error").mockReturnValue();
  await app.askForAll(3);
  await app.runDown();
  expect(await app.waiting()).toBe(1);
  await app.advance(30_010);
  expect(await app.waiting()).toBe(0);
});

/** Runs what is due now, and not what that schedules. */
async function step(app: Pick<ReturnType<typeof start>, "t">) {
  vi.advanceTimersByTime(1);
  await app.t.finishInProgressScheduledFunctions();
}

describe("a job that has its turn and dies", () => {
  /** An app whose two turns are those of jobs that never run, with three more keys that wait. */
  async function startDead() {
    const app = start("transaction", { timeout: { minutes: 1 } });
    await app.askForAll(5);
    await step(app);
    expect([await app.slots(), await app.waiting()]).toEqual([2, 3]);
    const dying = (await app.jobs()).filter(
      ({ state, args: [job] }) => state.kind === "pending" && "turn" in job && !("watchdog" in job),
    );
    expect(dying).toHaveLength(2);
    await app.t.run(async (ctx) => {
      for (const { _id } of dying) await ctx.scheduler.cancel(_id);
    });
    return app;
  }

  test("loses it to those that wait, without anybody asking", async () => {
    const app = await startDead();
    await app.advance(60_000);
    expect([await app.slots(), await app.waiting()]).toEqual([2, 3]);
    await app.advance(10 * 60_000 + 1_000);
    expect([await app.slots(), await app.waiting()]).toEqual([0, 0]);
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("loses it when its watchdog has died too, and a key is asked for that waits already", async () => {
    const app = await startDead();
    await app.t.run(async (ctx) => {
      for (const { watchdog } of await ctx.db.query("lazySlots").collect()) {
        await ctx.scheduler.cancel(watchdog as never);
      }
    });
    await app.advance(12 * 60_000);
    const waiting = (await app.rows("lazyQueue")).map(({ job }) => (job as { args: Key }).args);
    expect([await app.slots(), waiting.length]).toEqual([2, 3]);
    const { messages } = await app.collect((ctx) => app.totals.getMany(ctx, waiting));
    await app.deliver(messages);
    await app.advance();
    expect(await app.waiting()).toBe(0);
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("loses it at once when the clock was put back: nobody waits for a day that comes again", async () => {
    const app = await startDead();
    await putClockBack(app.t);
    await app.askForAll(6);
    await app.advance();
    expect((await app.rows("totals")).length).toBeGreaterThan(0);
  });

  test("of a view that is gone: the slot and what waits are given up", async () => {
    const app = start("transaction");
    await app.t.run(async (ctx) => {
      const watchdog = await ctx.scheduler.runAfter(0, anyApi.lazy?.sweep as never);
      await ctx.scheduler.cancel(watchdog);
      const slot = { view: "gone", index: 0, token: 1n, until: 0, watchdog };
      await ctx.db.insert("lazySlots", slot);
      for (const { list } of lists(250)) {
        await ctx.db.insert("lazyQueue", { view: "gone", key: list, job: {} });
      }
    });
    const job = { view: "gone", args: {}, turn: { index: 0, token: 1n }, watchdog: true };
    await app.t.mutation(anyApi.lazy?.recompute as FunctionReference<"mutation">, job);
    await app.advance();
    expect([await app.slots(), await app.waiting()]).toEqual([0, 0]);
  });
});

test("a key waits once, however often it is asked for, with the window of the last time", async () => {
  const app = start("transaction", { timeout: { minutes: 1 } });
  await app.t.run(async (ctx) => {
    const watchdog = await ctx.scheduler.runAfter(0, anyApi.lazy?.sweep as never);
    await ctx.scheduler.cancel(watchdog);
    const until = Date.now() + 11 * 60_000;
    for (const index of [0, 1]) {
      const slot = { view: "totals", index, token: 1n, until, watchdog };
      await ctx.db.insert("lazySlots", slot);
    }
  });
  for (let i = 0; i < 4; i++) {
    await app.askForAll(3);
    await app.advance(11_000);
  }
  expect(await app.waiting()).toBe(3);
  await app.t.run(async (ctx) => {
    for (const { _id } of await ctx.db.query("lazySlots").collect()) await ctx.db.delete(_id);
  });
  await app.askForAll(4);
  await app.advance();
  expect(await app.waiting()).toBe(0);
  expect((await app.readAll(4)).effects).toEqual([]);
});

test("a job that waited beyond its window opens one of its own", async () => {
  const app = start("transaction", { maxParallel: 1 });
  await app.askForAll(2);
  await step(app);
  expect(await app.waiting()).toBe(1);
  vi.advanceTimersByTime(15_000);
  await app.t.finishInProgressScheduledFunctions();
  await app.advance();
  const ends = (await app.rows("lazyEffects")).map(({ windowEndsAt }) => windowEndsAt as number);
  expect(Math.max(...ends)).toBeGreaterThanOrEqual(Date.now() + 9_000);
});

test("a paged run keeps its turn for as long as its pages take", async () => {
  const app = startTotals(
    {
      mode: "paged",
      maxParallel: 1,
      timeout: { minutes: 1 },
      compute: undefined,
      page: async (_ctx: unknown, _key: unknown, { cursor }: { cursor: string | null }) => {
        const number = Number(cursor ?? 0);
        return { page: [1], isDone: number === 40, continueCursor: String(number + 1) };
      },
      initial: () => 0,
      reduce: (sum: number, n: number) => sum + n,
      finish: (sum: number) => ({ count: sum, sum }),
    } as never,
    {},
  );
  await app.deliver((await app.collect((ctx) => app.totals.get(ctx, { list: "a" }))).messages);
  const begun = Date.now();
  // Each page comes half a minute after the one before.
  for (let pages = 0; pages < 38; pages++) {
    vi.advanceTimersByTime(30_000);
    await app.t.finishInProgressScheduledFunctions();
    const [slot] = await app.rows("lazySlots");
    expect(slot?.until).toBeGreaterThan(Date.now());
  }
  expect(Date.now() - begun).toBeGreaterThan(11 * 60_000);
  await app.advance();
  expect(await app.rows("totals")).toMatchObject([{ value: { count: 41 } }]);
  expect(await app.rows("lazySlots")).toEqual([]);
});

test.each([0, 1.5, -1, "2"])("maxParallel %o is refused", (maxParallel) => {
  const define = () =>
    defineView("totals", { table: totalsTable, maxParallel: maxParallel as never, compute: total });
  expect(define).toThrow('view "totals": maxParallel is');
});
