import { EFFECT_SECRET, environmentVariable, STREAM_SECRET } from "../effects/crypto.js";
import { type Effect, ledgerKey } from "../effects/effect.js";
import { lazyDb } from "../schema.js";
import type { Uncovered } from "../staleness/coverage.js";
import { canonicalText } from "../values/canonical.js";
import type { RowState, ViewRead } from "../views/read.js";
import type { View } from "../views/view.js";
import { type Collected, collectEffects } from "./collect.js";
import { deliverEffects } from "./deliver.js";
import { type Clock, readIn, type TestConvexLike } from "./testConvex.js";
import { advance } from "./time.js";
import { collectUncovered } from "./uncovered.js";
import { Wiring } from "./wiring.js";

declare const process: { env: Record<string, string | undefined> };

/** After this many reads, `settle` gives up. */
const MAX_READS = 20;

/** What the tests of an app can do with its views. Made by {@link testViews}. */
export interface TestViews {
  /**
   * Runs a function, and collects the effects that its queries raise. Nothing is delivered. See {@link collectEffects}.
   */
  collect<Result>(run: () => Promise<Result>): Promise<Collected<Result>>;
  /**
   * Delivers collected messages, as the log stream does, or the clients of an app with only the transport `client`: at
   * once, later, twice, or never, as the test needs it. `[]` does nothing.
   */
  deliver(messages: readonly string[]): Promise<void>;
  /** Lets time pass (in ms; default 0), and runs every scheduled function that becomes due in it. */
  advance(ms?: number): Promise<void>;
  /**
   * Calls `run`, delivers the effects that it raised, runs what they schedule, and calls `run` again, until nothing new
   * is raised and no row that it reads waits for a recompute. No more time passes than this takes.
   *
   * @returns What the last call of `run` returned.
   * @throws Error, when the app has forgotten an export or a table (all are tried at the first recompute that is
   * raised, except `heartbeat`, which tests do not need); when a scheduled function of the library has failed; or after
   * 20 calls, with what is still raised and what has failed.
   */
  settle<Result>(run: () => Promise<Result>): Promise<Result>;
  /** Returns what a read of the key would find now. It raises no effect. */
  peek<Key, Value>(view: View<Key, Value, unknown>, key: Key): Promise<ViewRead<Value>>;
  /**
   * Asserts the state that a read of the key would find now.
   * @throws Error with the state that it finds instead, and with the failures that the ledger has.
   */
  expectState<Key>(view: View<Key, unknown, unknown>, key: Key, state: RowState): Promise<void>;
  /**
   * Returns the documents that recomputes have read since `testViews` was called, and that the declared `sources` do
   * not map to the key of the row: their changes would leave the row fresh and wrong. It returns one document for each
   * view and table, and logs its `message`, which has the remedy, once with `console.warn`. Assert that the list is
   * empty.
   *
   * It covers the modes `transaction`, `snapshot` and `paged`, every way to read, and 50 documents of each table in a
   * compute. Tracked views, and views that do not use `invalidated()`, are never in the list. In a view with tags, a
   * probe or an age, tables that are not sources are not listed, because these may show their changes. Documents that
   * do not exist yet, and what an action, a component or the query of a reader reads, are not found.
   *
   * Not every item is a mistake: a compute may use only some of the documents that it reads, or read a table that never
   * changes. Filter those: `views.uncovered().filter(({ table }) => table !== "currencies")`.
   */
  uncovered(): Uncovered[];
}

/**
 * Makes the test kit for the tests of an app under `convex-test`, in the fake time of vitest: it replaces the log
 * stream, the clients and the scheduler. It sets `LAZY_VIEWS_SECRET` and `LAZY_VIEWS_STREAM_SECRET` in `process.env`
 * when they are not set. Do not run two reads at the same time.
 *
 * Under `convex-test` all functions share one copy of the write lock of convex-helpers' triggers. In a mutation with
 * triggers, `Promise.all([ctx.runMutation(…), ctx.db.insert(…)])` waits for itself there: await one before the other.
 *
 * @example
 * ```ts
 * import { testViews } from "convex-lazy-views/test";
 * import { expect, test, vi } from "vitest";
 *
 * test("a new flight is in the rollup", async () => {
 *   vi.useFakeTimers();
 *   const views = testViews(t, vi);
 *   const read = () => t.query(api.dashboard.stats, { airport: "SFO" });
 *   await views.settle(read);
 *   await t.mutation(api.dashboard.addFlight, { origin: "SFO", destination: "LAX", delay: 10 });
 *   await views.expectState(airportStats, { airport: "SFO" }, "stale");
 *   expect(await views.settle(read)).toMatchObject({ flights: 1 });
 * });
 * ```
 *
 * @param t - What `convexTest({ schema, modules })` returned. With the transport `logStream`, `http.ts` of the app must
 * call `lazy.registerRoutes(http)`.
 * @param clock - vitest's `vi`, with fake timers on.
 */
export function testViews(t: TestConvexLike, clock: Clock): TestViews {
  for (const name of [EFFECT_SECRET, STREAM_SECRET]) {
    if (environmentVariable(name) === undefined) process.env[name] = `${name} of the tests, 32 long`;
  }
  const deliver = async (messages: readonly string[]) => {
    if (messages.length > 0) await deliverEffects(t, messages);
  };
  const pass = (ms = 0) => advance(t, clock, ms);
  const wiring = new Wiring(t);
  const uncovered = collectUncovered();
  const peek: TestViews["peek"] = (view, key) => readIn(t, (ctx) => view.peek(ctx, key));
  return {
    collect: collectEffects,
    deliver,
    advance: async (ms) => void (await pass(ms)),
    peek,
    uncovered,
    async settle(run) {
      const seen = new Set<string>();
      await wiring.begin();
      for (let reads = 1; ; reads++) {
        const { result, messages, effects } = await collectEffects(run);
        await wiring.check(effects);
        await deliver(messages);
        const hasRun = await pass();
        await wiring.checkJobs();
        const isRepeated = (effect: Effect) => seen.has(identity(effect));
        // Every read may raise an effect of `scheduleEffect` again; it raises a recompute until that is done.
        const undone = effects.filter((effect) => effect.seen !== undefined || !isRepeated(effect));
        const restMs = undone.length === 0 ? await untilTrailing(t, effects) : 0;
        // If a function has run since the read, the result may be outdated.
        if (restMs === null && !hasRun) return result;
        if (reads === MAX_READS) throw await unsettled(t, undone);
        // A recompute that was put off is not raised again: let the time pass until it runs.
        if (restMs !== null && restMs > 0) await pass(restMs);
        // An effect that was raised before waits for the end of its window.
        const waiting = undone.filter(isRepeated).map(({ windowMs }) => windowMs);
        if (waiting.length > 0) await pass(Math.max(...waiting));
        for (const effect of effects) seen.add(identity(effect));
      }
    },
    async expectState(view, key, state) {
      const read = await peek(view, key);
      if (read.state === state) return;
      throw new Error(`${view.name} ${canonicalText(key)} is ${read.state}, expected ${state}.${await failures(t)}`);
    },
  };
}

function identity(effect: Effect): string {
  return `${effect.seen} ${ledgerKey(effect)}`;
}

/**
 * The time until the next job that was put off, in ms; null when there is none. Retries do not count, nor do effects of
 * `scheduleEffect` that the read has raised: each read raises them again, and they are put off again.
 */
async function untilTrailing(t: TestConvexLike, raised: readonly Effect[]): Promise<number | null> {
  const repeated = new Set(raised.filter(({ seen }) => seen === undefined).map(ledgerKey));
  const times = await readIn(t, async ({ db }) => {
    const entries = await lazyDb(db).query("lazyEffects").collect();
    const putOff = entries.filter(({ key, failure }) => failure === undefined && !repeated.has(key));
    const jobs = await Promise.all(
      putOff.map(({ trailingJob }) => trailingJob && db.system.get("_scheduled_functions", trailingJob)),
    );
    return jobs.flatMap((job) => (job?.state.kind === "pending" ? [job.scheduledTime] : []));
  });
  return times.length === 0 ? null : Math.max(Math.min(...times) - Date.now(), 1);
}

async function unsettled(t: TestConvexLike, undone: readonly Effect[]): Promise<Error> {
  const list = undone.map(({ target, args }) => `${target} ${canonicalText(args)}`).join("; ");
  return new Error(`settle: after ${MAX_READS} reads the query still raises ${list}.${await failures(t)}`);
}

/** The failures in the ledger, as a sentence; empty when there are none. */
async function failures(t: TestConvexLike): Promise<string> {
  const failed = await readIn(t, async (ctx) =>
    lazyDb(ctx.db)
      .query("lazyEffects")
      .withIndex("by_failure", (q) => q.gt("failure.failedAt", 0))
      .collect(),
  );
  const list = failed.map(({ key, failure }) => `${key}: ${failure?.message}`);
  return list.length === 0 ? "" : ` Failed: ${list.join("; ")}`;
}
