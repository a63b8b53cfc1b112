import { anyApi, type FunctionReference } from "convex/server";
import { type AnyView, defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Mode } from "../../src/model/definition.js";
import { delayJobs } from "../delayJobs.js";
import { endTestApp, startTestApp, type TestApp } from "../testApp.js";
import { add, type Key, startTotals, tables, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const WINDOW_MS = 10_000;
const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;

/** An app whose recomputes start late, and a reader who asks every two seconds. */
function start(mode: Mode, lagMs: () => number) {
  /** When a recompute has started, and when its window in the ledger ends. */
  const starts: { at: number; windowEndsAt: number }[] = [];
  const app = startTotals({
    mode,
    compute: async (ctx, args) => {
      if (mode === "transaction") {
        const entry = await ctx.db.query("lazyEffects").first();
        starts.push({ at: Date.now(), windowEndsAt: entry?.windowEndsAt as never });
      }
      return await total(ctx, args);
    },
  });
  delayJobs(({ name }) => (name === "lazy:recompute" ? lagMs() : 0));
  const known = new Set<unknown>();
  const lookForRuns = async () => {
    for (const { _id, _creationTime: at } of await app.rows("lazyRuns")) {
      if (known.has(_id)) continue;
      known.add(_id);
      const [entry] = await app.rows("lazyEffects");
      starts.push({ at: at as number, windowEndsAt: entry?.windowEndsAt as number });
    }
  };
  return {
    ...app,
    starts,
    /** Asks every two seconds for so long, or until `isOver`. */
    async askFor(ms: number, isOver: (state: string) => boolean = () => false) {
      const until = Date.now() + ms;
      while (Date.now() < until) {
        const { result, messages } = await app.collect((ctx) => app.totals.read(ctx, key));
        if (isOver(result.state)) return;
        await app.deliver(messages);
        for (let i = 0; i < 4; i++) {
          await app.advance(500);
          await lookForRuns();
        }
      }
    },
    /** Asks until the row is fresh, for at most so long. */
    async askUntilFresh(ms: number) {
      await this.askFor(ms, (state) => state === "fresh");
      await app.testing.expectState(app.totals, key, "fresh");
    },
    /** Expects that each recompute started after the window of the one before. */
    expectOneAWindow() {
      for (const [i, { at }] of starts.slice(1).entries()) {
        // Convex takes times of jobs in seconds, and rounding shortens them.
        expect(at + 1).toBeGreaterThanOrEqual(starts[i]?.windowEndsAt as number);
      }
    },
  };
}

describe.each([9_000, 10_500, 25_000])("jobs that start %i ms late", (lagMs) => {
  describe.each<Mode>(["transaction", "snapshot"])("in the mode %s", (mode) => {
    // The job of a run is late too.
    const takesMs = mode === "transaction" ? lagMs : 2 * lagMs;

    test("make the row fresh all the same, one a window", async () => {
      const app = start(mode, () => lagMs);
      await app.mutation(add("a", 1));
      await app.askUntilFresh(takesMs + 2_000);
      // Changes soon after a commit, and long after it.
      for (const restMs of [0, 7_000, 60_000, 0, 25_000]) {
        await app.advance(restMs);
        await app.mutation(add("a", 1));
        await app.askUntilFresh(WINDOW_MS + lagMs + takesMs + 2_000);
      }
      expect(await app.query((ctx) => app.totals.get(ctx, key))).toEqual({ count: 6, sum: 6 });
      expect(app.starts).toHaveLength(6);
      app.expectOneAWindow();
    });

    test("of a row that changes all the time start one a window, and not much less often", async () => {
      const app = start(mode, () => lagMs);
      const minutes = 5;
      for (let i = 0; i < minutes * 15; i++) {
        await app.mutation(add("a", 1));
        await app.askFor(4_000);
      }
      app.expectOneAWindow();
      const longestMs = WINDOW_MS + lagMs + takesMs;
      expect(app.starts.length).toBeGreaterThanOrEqual((minutes * 60_000) / longestMs - 1);
      await app.askUntilFresh(longestMs);
    });
  });
});

test.each<Mode>(["transaction", "snapshot"])(
  "jobs that overtake each other make the row fresh, one a window, in the mode %s",
  async (mode) => {
    const lags = [25_000, 1_000, 12_000, 9_000, 30_000, 500, 4_000, 19_000, 10_000];
    let jobs = 0;
    const app = start(mode, () => lags[jobs++ % lags.length] as number);
    for (let i = 0; i < 100; i++) {
      await app.mutation(add("a", 1));
      await app.askFor((i % 4) * 2_000);
    }
    await app.askUntilFresh(2 * 60_000);
    expect(await app.query((ctx) => app.totals.get(ctx, key))).toEqual({ count: 100, sum: 100 });
    app.expectOneAWindow();
  },
);

test("a job that starts after its window opens its own", async () => {
  const lags = [12_000, 0];
  const app = start("transaction", () => lags.shift() ?? 0);
  await app.askFor(2_000);
  await app.advance(10_010);
  expect(app.starts).toHaveLength(1);
  await app.mutation(add("a", 1));
  await app.askUntilFresh(13_000);
  const [first, second] = app.starts.map(({ at }) => at) as [number, number];
  expect(second - first).toBeGreaterThanOrEqual(WINDOW_MS - 1);
});

test("a job gives way to one of a later window that has started", async () => {
  const lags = [15_000, 1_000];
  const app = start("transaction", () => lags.shift() ?? 0);
  await app.askFor(12_000);
  expect(app.starts).toHaveLength(1);
  await app.mutation(add("a", 1));
  await app.advance(5_000);
  expect(app.starts).toHaveLength(1);
  await app.askUntilFresh(WINDOW_MS);
  expect(app.starts).toHaveLength(2);
  app.expectOneAWindow();
});

test.each([
  ["that is only for its own job", undefined, { own: "committed", other: "overtaken" }],
  ["that is for the first to start", false, { own: "committed", other: "committed" }],
  ["that has been taken", true, { own: "overtaken", other: "overtaken" }],
])("jobs that start in a window %s", async (_, taken, outcomes) => {
  for (const [whose, outcome] of Object.entries(outcomes)) {
    const app = startTotals();
    const windowEndsAt = Date.now() + WINDOW_MS;
    await app.t.run(async (ctx) => {
      await ctx.db.insert("lazyEffects", {
        ...{
          key: 'lazy:recompute {"args":{"list":"a"},"view":"totals"}',
          target: "lazy:recompute",
        },
        ...{
          windowEndsAt,
          expiresAt: windowEndsAt,
          seen: 0n,
          ...(taken !== undefined && { taken }),
        },
      });
    });
    const begin = Date.now();
    const start = {
      windowEndsAt: whose === "own" ? windowEndsAt : windowEndsAt - 15_000,
      isTrailing: false,
    };
    const job = { kind: "attempt", view: "totals", args: key, start };
    expect(await app.t.mutation(recompute, { job })).toBe(outcome);
    const [entry] = await app.rows("lazyEffects");
    if (outcome === "overtaken") expect(entry?.taken).toBe(taken);
    else if (whose === "own") expect(entry).toMatchObject({ windowEndsAt });
    // A job of another window opens its own.
    else expect(entry?.windowEndsAt).toBeGreaterThanOrEqual(begin + WINDOW_MS);
    if (outcome === "committed" && taken === false) expect(entry?.taken).toBe(true);
  }
});

/** Views whose runs compute in a job of their own, with a timeout of half a minute. */
const running: Record<string, (during: () => Promise<unknown>) => AnyView> = {
  snapshot: () =>
    defineView("totals", {
      ...{ table: totalsTable, mode: "snapshot", sources: {}, timeout: { seconds: 30 } },
      compute: () => ({ count: 7, sum: 7 }),
    }) as AnyView,
  action: (during) =>
    defineView("totals", {
      ...{ table: totalsTable, mode: "action", sources: {}, timeout: { seconds: 30 } },
      compute: async () => {
        await during();
        return { count: 7, sum: 7 };
      },
    }) as AnyView,
  paged: () =>
    defineView("totals", {
      ...{ table: totalsTable, mode: "paged", sources: {}, timeout: { seconds: 30 } },
      page: async (_: unknown, __: unknown, { cursor }: { cursor: string | null }) => {
        const number = Number(cursor ?? 0);
        return { page: [1], isDone: number === 6, continueCursor: String(number + 1) };
      },
      initial: () => 0,
      reduce: (sum: number, n: number) => sum + n,
      finish: (sum: number) => ({ count: sum, sum }),
    }) as AnyView,
};

/** An app with a run whose job starts later than it may take. */
function startRun(mode: string, lagMs: number, during = async (): Promise<unknown> => null) {
  const view = running[mode]?.(during) as AnyView & {
    read: (ctx: never, key: Key) => Promise<{ state: string; value: unknown }>;
  };
  const app = startTestApp({ tables, views: { totals: view } });
  delayJobs(({ name, args: { job } }) => {
    return name === "lazy:act" || job?.kind === "step" ? lagMs : 0;
  });
  return {
    ...app,
    async readAndDeliver() {
      const { result, messages } = await app.collect((ctx) => view.read(ctx as never, key));
      await app.deliver(messages);
      return result;
    },
    failures: async () => (await app.inspect()).views.totals?.failures,
  };
}

/** How many recomputes have begun a run. */
async function begun({ jobs }: Pick<TestApp, "jobs">) {
  const firsts = new Set<unknown>();
  for (const { name, args } of await jobs()) {
    if (name === "lazy:act") firsts.add(args[0].job.run);
    if (name === "lazy:recompute" && args[0].job.kind === "step") firsts.add(args[0].job.run);
  }
  return firsts.size;
}

describe.each(["snapshot", "action", "paged"])("a run of the mode %s whose job is late", (mode) => {
  test("is not given up before that has started, and commits", async () => {
    const lagMs = 94_000;
    const app = startRun(mode, lagMs);
    const jobs = mode === "paged" ? 7 : 1;
    await app.readAndDeliver();
    // A reader asks all the time.
    for (let passed = 0; passed < jobs * lagMs - 2_000; passed += 2_000) {
      await app.advance(2_000);
      expect(await app.readAndDeliver()).toMatchObject({ state: "missing" });
      expect(await app.rows("lazyRuns")).toHaveLength(1);
    }
    expect(await app.failures()).toEqual([]);
    await app.advance(4_000);
    expect(await app.readAndDeliver()).toMatchObject({ state: "fresh", value: { count: 7 } });
    expect(await begun(app)).toBe(1);
    expect(await app.rows("lazyRuns")).toEqual([]);
  });
});

describe("an action that starts late", () => {
  /** Lets time pass while the action runs. Sweeps run meanwhile. */
  async function pass(app: Pick<TestApp, "jobs">, seconds: number) {
    for (let i = 0; i < seconds; i++) {
      vi.advanceTimersByTime(1_000);
      for (let turns = 0; turns < 3; turns++) await app.jobs();
    }
  }

  // A sweep looks at the run every 31.5 s until its job has started.
  test.each([31_000, 62_000, 94_000])("(%i ms) has its whole timeout from then on", async (lagMs) => {
    const app = startRun("action", lagMs, async () => {
      await pass(app, 29);
      during(await app.rows("lazyRuns"), await app.failures());
    });
    const during = vi.fn();
    await app.readAndDeliver();
    await app.advance(lagMs + 10);
    expect(during.mock.calls).toEqual([[[expect.anything()], []]]);
    expect(await app.readAndDeliver()).toMatchObject({ state: "fresh", value: { count: 7 } });
  });

  test("and takes longer than that is given up, and its value is not committed", async () => {
    const app = startRun("action", 94_000, async () => {
      const [before] = await app.rows("lazyRuns");
      await pass(app, 34);
      // The retry has begun another run.
      const left = (await app.rows("lazyRuns")).filter(({ _id }) => _id === before?._id);
      during(before, left, await app.failures());
    });
    const during = vi.fn();
    await app.readAndDeliver();
    await app.advance(94_010);
    const failure = { message: "the run did not end within 30 s" };
    expect(during.mock.calls).toMatchObject([[{ view: "totals" }, [], [failure]]]);
    expect(await app.rows("totals")).toEqual([]);
  });
});
