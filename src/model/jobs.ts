import type { FunctionReference, FunctionVisibility } from "convex/server";
import { type Infer, type ObjectType, type VAny, type Value, v } from "convex/values";
import type { DispatchCounts } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";

/*
 * Everything that the library schedules or asks itself: for each of the functions that the app exports, a union by
 * `kind`. A job of another form, such as one that an older release scheduled, is refused by these validators. They are
 * made when Convex asks for them, not in every execution.
 */

const anyValue = () => v.any() as VAny<Value>;
const anyArgs = () => v.any() as VAny<Record<string, Value>>;
const time = () => v.number();
const run = () => v.id("lazyRuns");
const texts = () => v.optional(v.array(v.string()));

/** What a recompute is about; and whether a write asked for it, and no reader. */
const work = () => ({ view: v.string(), args: anyArgs(), byWrite: v.optional(v.boolean()) });

const computed = () =>
  v.object({
    value: anyValue(),
    /** The view's version in the code that computed it: another one may be deployed before the commit. */
    version: v.number(),
    /** What the probes said. */
    probes: texts(),
    /** The snapshot that the value was computed from. */
    asOf: v.int64(),
  });
/** What a recompute found out, before it is committed. */
export type Computed = Infer<ReturnType<typeof computed>>;

const page = () =>
  v.object({
    items: v.array(anyValue()),
    isDone: v.boolean(),
    cursor: v.string(),
    bytesRead: v.number(),
    documentsRead: v.number(),
  });
/** One page of a run, and what reading it took. */
export type Page = Infer<ReturnType<typeof page>>;

const attempt = () =>
  v.object({
    kind: v.literal("attempt"),
    ...work(),
    /** For which window it was scheduled; absent when nothing was asked of the ledger. */
    start: v.optional(v.object({ windowEndsAt: time(), isTrailing: v.boolean() })),
    /** The turn that it has, of a view with `maxParallel`. */
    turn: v.optional(v.id("lazyTurns")),
  });
export type Attempt = Infer<ReturnType<typeof attempt>>;

/**
 * The jobs of the mutation `recompute`.
 * - `attempt`: recompute a key, if that is still wanted.
 * - `commit`: its sub-transaction, which computes and commits.
 * - `step`: go on with a run: compute the value, or its next page, in a snapshot.
 * - `started`: the action of a run has started late.
 * - `finish`: the action of a run has computed the value, or failed.
 * - `commitRun`: the sub-transaction that takes in a value or a page.
 */
export const recomputeArgs = () => ({
  job: v.union(
    attempt(),
    v.object({ kind: v.literal("commit"), ...work() }),
    v.object({ kind: v.literal("step"), run: run() }),
    v.object({ kind: v.literal("started"), run: run() }),
    v.object({
      kind: v.literal("finish"),
      run: run(),
      computed: v.optional(computed()),
      error: v.optional(v.string()),
    }),
    v.object({
      kind: v.literal("commitRun"),
      run: run(),
      found: v.union(v.object({ computed: computed() }), v.object({ page: page() })),
    }),
  ),
});
export type RecomputeJob = Infer<ReturnType<typeof recomputeArgs>["job"]>;

/**
 * What became of a recompute.
 * - `committed`: the row has a new value.
 * - `queued`: the job has to wait for its turn, or is scheduled again with it.
 * - `begun`: a run has been scheduled, which ends in another job.
 * - `clean`: another commit was there first, and the row is fresh.
 * - `overtaken`: another job has taken this one's place.
 * - `failed`: the old value stays; the ledger remembers why, and when it is tried again.
 */
export type RecomputeOutcome = "committed" | "queued" | "begun" | "clean" | "overtaken" | "failed";

/** What the action `act` is called with. */
export const actArgs = () => ({
  run: run(),
  view: v.string(),
  args: anyArgs(),
  /** The snapshot at the begin of the run, and what the probes said then. */
  asOf: v.int64(),
  probes: texts(),
  scheduledAt: time(),
});
export type ActArgs = ObjectType<ReturnType<typeof actArgs>>;

const evict = () =>
  v.object({
    kind: v.literal("evict"),
    table: v.string(),
    sweepAt: time(),
    /** The `_creationTime` of the last row that was looked at. */
    after: v.optional(time()),
  });
export type EvictJob = Infer<ReturnType<typeof evict>>;

const backstop = () =>
  v.object({
    kind: v.literal("backstop"),
    view: v.string(),
    at: time(),
    cursor: v.optional(v.string()),
  });
export type BackstopJob = Infer<ReturnType<typeof backstop>>;

const note = () =>
  v.object({
    kind: v.literal("note"),
    /** A canary was sent, or has arrived; or the route has got topics that loop. */
    what: v.union(v.literal("sent"), v.literal("arrived"), v.literal("foreign topics")),
    at: time(),
    topics: v.optional(v.string()),
  });
export type Note = Infer<ReturnType<typeof note>>;

/**
 * The jobs of the mutation `sweep`.
 * - `due`: what is due in a table: rows that reach an age or wait in vain, runs and turns whose job may have died,
 *   entries of the ledger that have expired.
 * - `evict`: a step of the scan for rows that nobody asks for.
 * - `backstop`: a step of the heartbeat's scan for rows whose effect was lost.
 * - `note`: something to remember of the log stream.
 */
export const sweepArgs = () => ({
  job: v.union(
    v.object({ kind: v.literal("due"), table: v.string(), sweepAt: time() }),
    evict(),
    backstop(),
    note(),
  ),
});
export type SweepJob = Infer<ReturnType<typeof sweepArgs>["job"]>;

/**
 * The questions that the query `inspect` answers to the library, mostly through a stale snapshot; without one it
 * reports.
 * - `commits`: the `asOf` of rows, null for one that does not exist.
 * - `due`, `evictable`, `forgotten`: what the sweep, the scan has to handle.
 * - `compute`: what a key's value is, or its next page, if the snapshot shows the run; else null.
 * - `canary`: raises a canary.
 */
export const inspectArgs = () => ({
  ask: v.optional(
    v.union(
      v.object({
        kind: v.literal("commits"),
        rows: v.array(v.object({ view: v.string(), key: v.string() })),
      }),
      v.object({ kind: v.literal("due"), table: v.string(), sweepAt: time() }),
      v.object({ kind: v.literal("evictable"), scan: evict() }),
      v.object({ kind: v.literal("forgotten"), scan: backstop() }),
      v.object({
        kind: v.literal("compute"),
        run: run(),
        next: v.optional(v.object({ cursor: v.union(v.string(), v.null()), numItems: v.number() })),
      }),
      v.object({ kind: v.literal("canary"), sentAt: time() }),
    ),
  ),
});
export type Question = NonNullable<Infer<ReturnType<typeof inspectArgs>["ask"]>>;

/** The arguments of the mutation `dispatch`: effects, and whether clients forward them. */
export const dispatchArgs = () => ({
  effects: v.array(
    v.object({
      target: v.string(),
      args: anyArgs(),
      windowMs: v.number(),
      key: v.optional(v.string()),
      seen: v.optional(v.int64()),
    }),
  ),
  areForwarded: v.optional(v.boolean()),
});

type Internal<
  Kind extends "query" | "mutation" | "action",
  Args extends object,
  Result,
> = FunctionReference<Kind, FunctionVisibility, Args & Record<string, unknown>, Result>;

/** The functions that the app exports for the library. */
export interface LazyReferences {
  recompute: Internal<"mutation", { job: RecomputeJob }, RecomputeOutcome>;
  dispatch: Internal<"mutation", { effects: Effect[]; areForwarded?: boolean }, DispatchCounts>;
  sweep: Internal<"mutation", { job: SweepJob }, { swept: number }>;
  inspect: Internal<"query", { ask?: Question }, unknown>;
  act: Internal<"action", ActArgs, RecomputeOutcome>;
}
