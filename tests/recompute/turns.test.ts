import { anyApi, type FunctionReference, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Start } from "../../src/effects/ledger.js";
import type { Mode } from "../../src/model/definition.js";
import { delayJobs } from "../delayJobs.js";
import { type AppOptions, endTestApp, type TestApp } from "../testApp.js";
import { startTotals, type TotalsOptions, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
const sums = {
  total: queryGeneric({
    args: { list: v.string() },
    handler: async (ctx, args) => await total(ctx as never, args),
  }),
};

const lists = (count: number) => Array.from({ length: count }, (_, i) => ({ list: String(i) }));

/** How many turns are taken, and how many keys wait for a turn. */
async function turns({ rows }: Pick<TestApp, "rows">) {
  const all = await rows("lazyTurns");
  const taken = all.filter(({ running }) => running !== undefined).length;
  return { taken, waiting: all.length - taken };
}

/** Runs the jobs that are due now, but not those that they schedule. */
async function step(app: Pick<TestApp, "t">) {
  vi.advanceTimersByTime(1);
  await app.t.finishInProgressScheduledFunctions();
}

/** An app whose totals are computed two at a time. It counts the most that were under way at once. */
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
    turns: () => turns(app),
    /** Runs all jobs, one moment after the other, and returns the most turns that were taken at once. */
    async runDown() {
      let most = 0;
      for (let i = 0; i < 400; i++) {
        await step(app);
        most = Math.max(most, (await turns(app)).taken);
      }
      return most;
    },
  };
}

describe.each<Mode>(["transaction", "snapshot", "action"])("maxParallel in the mode %s", (mode) => {
  test("lets so many run at a time, and the others wait their turn", async () => {
    const app = start(mode);
    await app.askForAll(20);
    expect(await app.runDown()).toBe(2);
    expect(app.most()).toBeLessThanOrEqual(2);
    expect(await app.rows("lazyTurns")).toEqual([]);
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
    expect(await app.rows("lazyTurns")).toEqual([]);
    expect((await app.readAll(10)).result.filter((value) => value !== null)).toHaveLength(5);
  });
});

test("hundreds of rows of an old version are recomputed two at a time", async () => {
  const app = start("snapshot", { version: 2 });
  await app.t.run(async (ctx) => {
    for (const args of lists(300)) {
      const row = { key: JSON.stringify(args), args, value: { count: 0, sum: 0 } };
      await ctx.db.insert("totals", { ...row, version: 1, asOf: 1n, computedAt: 0 });
    }
  });
  await app.askForAll(300);
  await step(app);
  await step(app);
  expect(await app.rows("lazyRuns")).toHaveLength(2);
  expect(await app.turns()).toEqual({ taken: 2, waiting: 298 });
});

test("the turn of an action that died is handed on by a sweep", async () => {
  const app = start("action", { timeout: { seconds: 30 } }, { forgotten: ["act"] });
  vi.spyOn(console, "error").mockReturnValue();
  await app.askForAll(3);
  await app.runDown();
  expect(await app.turns()).toEqual({ taken: 2, waiting: 1 });
  await app.advance(32_010);
  expect((await app.turns()).waiting).toBe(0);
});

test("an attempt that has nothing to do does not wait", async () => {
  const app = start("transaction");
  await app.askForAll(1);
  await app.runDown();
  await takeTurns(app);
  const job = { kind: "attempt", view: "totals", args: { list: "0" } };
  expect(await app.t.mutation(recompute, { job })).toBe("clean");
  expect(await app.turns()).toEqual({ taken: 2, waiting: 0 });
});

/** Gives the two turns to other keys, whose jobs start in an hour. */
async function takeTurns(app: Pick<TestApp, "t">) {
  await app.t.run(async (ctx) => {
    for (const key of ["x", "y"]) {
      const running = await ctx.scheduler.runAfter(3_600_000, recompute, { job: {} });
      const expiresAt = Date.now() + 130_000;
      await ctx.db.insert("lazyTurns", { view: "totals", key, job: {}, running, expiresAt });
    }
  });
}

describe("a job that has its turn and dies", () => {
  /** An app whose two turns belong to jobs that never run, while three more keys wait. */
  async function startDead() {
    const app = start("transaction", { timeout: { minutes: 1 } });
    await app.askForAll(5);
    await step(app);
    expect(await app.turns()).toEqual({ taken: 2, waiting: 3 });
    const dying = (await app.jobs()).filter(({ state, args: [{ job }] }) => state.kind === "pending" && "turn" in job);
    expect(dying).toHaveLength(2);
    await app.t.run(async (ctx) => {
      for (const { _id } of dying) await ctx.scheduler.cancel(_id);
    });
    return app;
  }

  test("loses it to keys that wait, without another read", async () => {
    const app = await startDead();
    // The window, and two minutes.
    await app.advance(129_000);
    expect(await app.turns()).toEqual({ taken: 2, waiting: 3 });
    await app.advance(8_000);
    expect(await app.rows("lazyTurns")).toEqual([]);
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("loses it to the heartbeat, when the sweep has died too", async () => {
    const app = await startDead();
    await app.t.run(async (ctx) => {
      const jobs = await ctx.db.system.query("_scheduled_functions").collect();
      for (const { _id, name, state } of jobs) {
        if (name === "lazy:sweep" && state.kind === "pending") await ctx.scheduler.cancel(_id);
      }
    });
    const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
    await app.advance(12 * 60_000);
    expect(await app.turns()).toEqual({ taken: 2, waiting: 3 });
    await app.testing.collect(() => app.t.action(heartbeat));
    await app.advance();
    expect(await app.rows("lazyTurns")).toEqual([]);
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("of a view that is gone: its turn and what waits are given up", async () => {
    const app = start("transaction");
    await app.t.run(async (ctx) => {
      const running = await ctx.scheduler.runAfter(0, recompute, { job: {} });
      await ctx.scheduler.cancel(running);
      const attempt = (list: string) => ({
        ...{ view: "gone", key: JSON.stringify({ list }) },
        job: { kind: "attempt", view: "gone", args: { list } },
      });
      await ctx.db.insert("lazyTurns", { ...attempt("x"), running, expiresAt: Date.now() });
      for (const { list } of lists(250)) await ctx.db.insert("lazyTurns", attempt(list));
    });
    const job = { kind: "due", table: "lazyTurns", sweepAt: Date.now() };
    await app.t.mutation(anyApi.lazy?.sweep as FunctionReference<"mutation">, { job });
    await app.advance();
    expect(await app.rows("lazyTurns")).toEqual([]);
  });
});

test("a job that has its turn and is only late keeps it", async () => {
  const app = start("transaction");
  delayJobs(({ args }) => (args.job !== undefined && "turn" in args.job ? 30 * 60_000 : 0));
  await app.askForAll(5);
  await app.advance(29 * 60_000);
  expect(await app.turns()).toEqual({ taken: 2, waiting: 3 });
  expect(await app.rows("totals")).toEqual([]);
  await app.advance(2 * 60_000);
  expect(await app.turns()).toEqual({ taken: 2, waiting: 1 });
  expect(await app.rows("totals")).toHaveLength(2);
});

test("a key waits once, however often it is asked for, with the window of the last request", async () => {
  const app = start("transaction", { timeout: { minutes: 1 } });
  await takeTurns(app);
  for (let i = 0; i < 4; i++) {
    await app.askForAll(3);
    await app.advance(11_000);
  }
  expect(await app.turns()).toEqual({ taken: 2, waiting: 3 });
  const windows = (await app.rows("lazyEffects")).map(({ windowEndsAt }) => windowEndsAt);
  const waiting = (await app.rows("lazyTurns")).filter(({ running }) => running === undefined);
  const waited = waiting.map(({ job }) => (job as { start: Start }).start.windowEndsAt);
  expect(waited.sort()).toEqual(windows.sort());
  await app.t.run(async (ctx) => {
    for (const { _id, running } of await ctx.db.query("lazyTurns").collect()) {
      if (running !== undefined) await ctx.db.delete(_id);
    }
  });
  await app.askForAll(4);
  await app.advance();
  expect(await app.rows("lazyTurns")).toEqual([]);
  expect((await app.readAll(4)).effects).toEqual([]);
});

test("a job that waited beyond its window opens one of its own", async () => {
  const app = start("transaction", { maxParallel: 1 });
  await app.askForAll(2);
  await step(app);
  expect(await app.turns()).toEqual({ taken: 1, waiting: 1 });
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
  await step(app);
  const [turn] = await app.rows("lazyTurns");
  // Each page takes half a minute.
  for (let pages = 0; pages < 38; pages++) {
    vi.advanceTimersByTime(30_000);
    await app.t.finishInProgressScheduledFunctions();
    expect(await app.rows("lazyTurns")).toMatchObject([{ _id: turn?._id }]);
  }
  expect(Date.now() - begun).toBeGreaterThan(11 * 60_000);
  await app.advance();
  expect(await app.rows("totals")).toMatchObject([{ value: { count: 41 } }]);
  expect(await app.rows("lazyTurns")).toEqual([]);
});

test.each([0, 1.5, -1, "2"])("maxParallel %o is refused", (maxParallel) => {
  const define = () => defineView("totals", { table: totalsTable, maxParallel: maxParallel as never, compute: total });
  expect(define).toThrow('view "totals": maxParallel is');
});
