import type { DefaultFunctionArgs, FunctionReference } from "convex/server";
import type { GenericId, Value } from "convex/values";
import type { DispatchCounts } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import type { Start } from "../effects/ledger.js";
import type { Sweep } from "../effects/sweep.js";
import type { Row } from "../schema.js";

/*
 * The jobs that the library schedules, and the questions that it asks: one union by `kind` for each exported function.
 */

type RunId = GenericId<"lazyRuns">;

/** The result of a compute, before its commit. Another version of the view may be deployed in between. */
export type Computed = Pick<Row<unknown, Value>, "value" | "version" | "asOf"> & { probes?: string[] | undefined };

/** One page of a run. A transaction has room for `room` times as many items. */
export type Page = { items: Value[]; isDone: boolean; cursor: string; room: number };

/** The result of a step of a run: the value, or the next page; and the effects that the step has raised. */
export type Found = ({ computed: Computed } | { page: Page }) & { effects?: Effect[] };

/** The key to recompute, and whether a write asked for it. If the key is too long, `args` is the start of its text. */
type Work = { view: string; args: Record<string, Value> | string; byWrite?: boolean };

/** Recompute a key, if that is still wanted. `start` is its window, if the ledger scheduled it; `turn` is its turn. */
export type Attempt = Work & { kind: "attempt"; start?: Start; turn?: GenericId<"lazyTurns"> };

export type Ping = { kind: "ping" }; // A job or question that does nothing. The heartbeat tests each export with it.

/** The jobs of the mutation `recompute`. */
export type RecomputeJob =
  | Attempt
  | (Work & { kind: "commit" }) // The sub-transaction of an attempt, which computes and commits.
  | { kind: "step"; run: RunId } // Go on with a run: compute the value, or its next page, in a snapshot.
  | { kind: "started"; run: RunId } // The action of a run has started late.
  | { kind: "finish"; run: RunId; computed?: Computed; error?: string } // The action has computed the value, or failed.
  | { kind: "commitRun"; run: RunId; found: Found } // The sub-transaction that stores the result of a step.
  | Beat
  | Arrival
  | Ping;

/**
 * The result of a job of `recompute`.
 * - `committed`: the row has a new value.
 * - `queued`: the view has `maxParallel`, and the job waits for its turn, or is scheduled again with it.
 * - `begun`: a run is scheduled, and a later job commits.
 * - `clean`: the row was fresh already, because another job had committed it.
 * - `overtaken`: another job replaces this one.
 * - `failed`: the old value stays. The ledger remembers the error, and when the next attempt is due.
 */
export type RecomputeOutcome = "committed" | "queued" | "begun" | "clean" | "overtaken" | "failed";

/** The jobs of the action `act`. */
export type ActJob =
  /** Compute the value of a run, which began with this snapshot and these results of the probes. */
  | (Omit<Work, "byWrite"> & Pick<Computed, "asOf" | "probes"> & { kind: "compute"; run: RunId; scheduledAt: number })
  | Ping;

export type EvictJob = Sweep & { kind: "evict" }; // A scan for rows to evict, which an earlier release has scheduled.
/** A step of the heartbeat's scan for rows whose effect was lost. */
export type BackstopJob = { kind: "backstop"; view: string; at: number; cursor?: string };
/**
 * The findings of a heartbeat: the exports that it has tested, and what is wrong with them and the route, as sentences.
 */
export type Beat = { kind: "beat"; at: number; checked: string[]; failed: string[]; route?: string | undefined };
/**
 * A finding of an audit: a fresh row is wrong (`drift`), two computes of it differ (`random`), or its compute reads
 * what `sources` do not cover (`uncovered`).
 */
export type Finding = Record<"view" | "key" | "message", string> & {
  kind: "drift" | "random" | "uncovered";
  at: number;
  asOf: bigint;
};
/**
 * An audit of the rows whose keys are after `after`, up to `next`. If `next` is not greater, it went on at the first
 * row.
 */
export type Audited = { after: string; next: string; findings: Finding[] };
export type AuditJob = { kind: "audit"; view: string; audited: Audited };
export type Arrival = { kind: "arrival"; sentAt: number }; // The canary that was sent at this time has arrived.
/** Start a tail, unless one reads the log. With `isForced`, also during the backoff after a problem. */
export type StartTail = { kind: "tail"; isForced?: true };
/** Read the log from a cursor, as the tail with this number. */
export type ReadLog = { kind: "read"; number: number; cursor: number };
/**
 * A tail has read the log up to a cursor. `entries` is the greatest number of entries that one of its polls returned.
 * What the tail does next:
 * - `reads`: it reads on.
 * - `closes`: it reads on for some seconds, and then ends.
 * - `handsOver`: another tail goes on in its place.
 * - `ends`: it has ended, perhaps because of a `problem`; with `isLasting`, a retry soon would fail, too.
 */
export type Tailed = Omit<ReadLog, "kind"> & {
  kind: "tailed";
  entries: number;
  becomes: "reads" | "closes" | "handsOver" | "ends";
  problem?: string;
  isLasting?: boolean;
};
export type TopicsNote = { kind: "topics"; topics: string }; // The log stream delivers topics that loop.

/** The jobs of the mutation `sweep`: `due` handles what is due in a table. */
export type SweepJob =
  | (Sweep & { kind: "due" })
  | EvictJob
  | BackstopJob
  | AuditJob
  | Beat
  | StartTail
  | Tailed
  | TopicsNote
  | Ping;

/** The questions that the query `inspect` answers to the library, mostly through a stale snapshot. */
export type Question =
  | { kind: "commits"; effects: readonly Effect[] } // The `asOf` of the rows of effects.
  | { kind: "wanted"; effects: readonly Effect[] } // The effects of an old delivery that are still wanted.
  | (Sweep & { kind: "due" }) // The documents that a sweep has to handle.
  | BackstopJob
  | { kind: "tail"; isUrgent: boolean } // Whether a tail must be started. If not urgent, only minutes after the last one.
  /** The value of a run's key, or its next page, if the snapshot shows the run; else null. */
  | { kind: "compute"; run: RunId; next?: { cursor: string | null; numItems: number } }
  | { kind: "audit"; view: string; rows: number } // What is wrong with the next rows of a view.
  | { kind: "canary"; sentAt: number } // Raises a canary.
  | Ping; // The wiring, as far as a query sees it.

/** The arguments of `dispatch`. With `isJob`, the effects of a chunk that fails are dispatched one by one. */
export type DispatchArgs = { effects: Effect[]; areForwarded?: boolean; isJob?: boolean; tailed?: Tailed };

type Mutation<Args extends DefaultFunctionArgs, Result> = FunctionReference<"mutation", "internal", Args, Result>;

/** The functions that every app exports for the library. */
export interface LazyReferences {
  recompute: Mutation<{ job: RecomputeJob }, RecomputeOutcome>;
  dispatch: Mutation<DispatchArgs, DispatchCounts>;
  sweep: Mutation<{ job: SweepJob }, { swept: number }>;
  inspect: FunctionReference<"query", "internal", { ask?: Question }, unknown>;
}
