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

/** Reads that `settle` makes before it gives up. */
const MAX_READS = 20;

/** What an app's tests do with its views; made by `testViews`. */
export interface TestViews {
  /** Runs something, and collects the effects that its queries raise; nothing is delivered. */
  collect<Result>(run: () => Promise<Result>): Promise<Collected<Result>>;
  /** Delivers messages that were collected, as the log stream would; `[]` does nothing. */
  deliver(messages: readonly string[]): Promise<void>;
  /** Lets time pass (in ms; default 0), and runs every scheduled function that falls due in it. */
  advance(ms?: number): Promise<void>;
  /**
   * Reads, delivers what the read raised, lets it run, and reads again, until everything that was raised is done:
   * no row that is read is to be recomputed, and nothing new is raised. No more time passes than that takes.
   *
   * @returns What the last read gave.
   * @throws Error that names what the app forgot to export or to put into its schema (but for `heartbeat`, which tests
   * do not need), or a scheduled function of the library that has failed; or, after 20 reads, says what is still raised
   * and what has failed.
   */
  settle<Result>(run: () => Promise<Result>): Promise<Result>;
  /** What a read of the key would find now. It raises nothing. */
  peek<Key, Value>(view: View<Key, Value, unknown>, key: Key): Promise<ViewRead<Value>>;
  /** @throws Error that says what was found, and why the last recompute failed if it did. */
  expectState<Key>(view: View<Key, unknown, unknown>, key: Key, state: RowState): Promise<void>;
  /**
   * Documents that recomputes of this process have read since `testViews` was called, and whose changes do not make the
   * row stale, because the view's `sources` do not map them to its key. One of each view and table; what it is, and what
   * to write, is in `message`. `test("sources are right", () => expect(views.uncovered()).toEqual([]))`
   *
   * Not every one is a mistake: a compute may read a table and use only some of its documents, or take names from a
   * table that never changes. It looks at views that `invalidated()` guards, and finds no mapping that is missing for
   * documents that are not there yet, nor what an action, a component, or a reader's query reads. Tables that are no
   * sources are not reported of views with tags, probes or ages, which may tell of them.
   */
  uncovered(): Uncovered[];
}

/**
 * For an app's own tests under `convex-test`: plays the log stream and the scheduler.
 *
 * ```ts
 * beforeEach(() => {
 *   vi.useFakeTimers();
 *   t = convexTest({ schema, modules });
 *   views = testViews(t, vi);
 * });
 *
 * test("a new flight is in the rollup", async () => {
 *   const read = () => t.query(api.dashboard.stats, { airport: "SFO" });
 *   await views.settle(read);
 *   await t.mutation(api.dashboard.addFlight, { origin: "SFO", destination: "LAX", delay: 10 });
 *   await views.expectState(airportStats, { airport: "SFO" }, "stale");
 *   expect(await views.settle(read)).toMatchObject({ flights: 1 });
 * });
 * ```
 *
 * It sets the two secrets in `process.env` when they are not set. One read runs at a time.
 *
 * @param t - What `convexTest` gave. The app's `http.ts` must register the library's route.
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
        // An effect that saw no row may be raised by every read; a recompute is raised until it is done.
        const undone = effects.filter((effect) => effect.seen !== undefined || !isRepeated(effect));
        const restMs = undone.length === 0 ? await untilTrailing(t, effects) : 0;
        // What has run just now may have changed the result.
        if (restMs === null && !hasRun) return result;
        if (reads === MAX_READS) throw await unsettled(t, undone);
        // Recomputes that are put off are not asked for again, but on their way.
        if (restMs !== null && restMs > 0) await pass(restMs);
        // What was raised before waits for the end of its window.
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
 * How long it is until the next job that was put off, in ms; null when none is. Retries do not count, nor do effects
 * that the read has raised: it raises them each time, and they are put off each time.
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

/** The failures that the ledger remembers, as a sentence; empty when there are none. */
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
