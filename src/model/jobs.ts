import type { DefaultFunctionArgs, FunctionReference } from "convex/server";
import type { GenericId, Value } from "convex/values";
import type { DispatchCounts } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import type { Start } from "../effects/ledger.js";
import type { Sweep } from "../effects/sweep.js";
import type { Row } from "../schema.js";

/* What the library schedules and asks itself: for each of the functions that the app exports, a union by `kind`. */

type RunId = GenericId<"lazyRuns">;

/** What a recompute found out, before it is committed; another version may be deployed meanwhile. */
export type Computed = Pick<Row<unknown, Value>, "value" | "version" | "asOf"> & { probes?: string[] | undefined };

/** One page of a run; and there is `room` in a transaction for how many times as many items. */
export type Page = { items: Value[]; isDone: boolean; cursor: string; room: number };

/** What a step of a run has found: the value, or the next page; and the effects that it has raised. */
export type Found = ({ computed: Computed } | { page: Page }) & { effects?: Effect[] };

/** What a recompute is about, and whether a write asked for it. Of a key that is too long, `args` is how it begins. */
type Work = { view: string; args: Record<string, Value> | string; byWrite?: boolean };

/** Recompute a key, if still wanted: in its window, if it came through the ledger; with its turn, if it has one. */
export type Attempt = Work & { kind: "attempt"; start?: Start; turn?: GenericId<"lazyTurns"> };

export type Ping = { kind: "ping" }; // A job or question that does nothing: the heartbeat tries each export by it.

/** The jobs of the mutation `recompute`. */
export type RecomputeJob =
  | Attempt
  | (Work & { kind: "commit" }) // The sub-transaction of an attempt, which computes and commits.
  | { kind: "step"; run: RunId } // Go on with a run: compute the value, or its next page, in a snapshot.
  | { kind: "started"; run: RunId } // The action of a run has started late.
  | { kind: "finish"; run: RunId; computed?: Computed; error?: string } // The action has computed the value, or failed.
  | { kind: "commitRun"; run: RunId; found: Found } // The sub-transaction that takes in what a run has found.
  | Beat
  | Arrival
  | Ping;

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

/** The jobs of the action `act`. */
export type ActJob =
  /** Compute, for a run; with the snapshot at its begin, and what the probes said then. */
  | (Omit<Work, "byWrite"> & Pick<Computed, "asOf" | "probes"> & { kind: "compute"; run: RunId; scheduledAt: number })
  | Ping;

export type EvictJob = Sweep & { kind: "evict" }; // A scan for rows to evict, which an earlier release has scheduled.
/** A step of the heartbeat's scan for rows whose effect was lost. */
export type BackstopJob = { kind: "backstop"; view: string; at: number; cursor?: string };
/** A heartbeat: the names that it has looked at, and what is wrong with exports and the route, as sentences. */
export type Beat = { kind: "beat"; at: number; checked: string[]; failed: string[]; route?: string | undefined };
/** A row that was called fresh is wrong; or two computes of it differ; or it reads what its sources do not cover. */
export type Finding = Record<"view" | "key" | "message", string> & {
  kind: "drift" | "random" | "uncovered";
  at: number;
  asOf: bigint;
};
/** An audit of the rows of a view whose keys come after a key, up to the next; where that is not greater, round the end. */
export type Audited = { after: string; next: string; findings: Finding[] };
export type AuditJob = { kind: "audit"; view: string; audited: Audited };
export type Arrival = { kind: "arrival"; sentAt: number }; // The canary that was sent then has gone the whole way.
/** Starts a tail, unless one reads the log; with `isForced`, also before the backoff of a problem is over. */
export type StartTail = { kind: "tail"; isForced?: true };
/** Read the log from a cursor, as the tail of this number. */
export type ReadLog = { kind: "read"; number: number; cursor: number };
/**
 * A tail has read the log up to a cursor. `entries` is the most that came between two of its polls. What it does next:
 * - `reads`: it reads on.
 * - `closes`: it reads on for some seconds, and then ends.
 * - `handsOver`: another tail goes on in its place.
 * - `ends`: it has ended; with a `problem`, which `isLasting` where a retry soon does not help.
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
  | { kind: "wanted"; effects: readonly Effect[] } // Which effects of an old delivery are still wanted.
  | (Sweep & { kind: "due" }) // What a sweep has to handle.
  | BackstopJob
  | { kind: "tail"; isUrgent: boolean } // Whether a tail has to be started; where it is not urgent, only some minutes after the last one.
  /** What a key's value is, or its next page, if the snapshot shows the run; else null. */
  | { kind: "compute"; run: RunId; next?: { cursor: string | null; numItems: number } }
  | { kind: "audit"; view: string; rows: number } // What is wrong with the next rows of a view.
  | { kind: "canary"; sentAt: number } // Raises a canary.
  | Ping; // What a query sees of the wiring.

/** What `dispatch` gets, perhaps of a tail. In a job, the effects of a chunk that fails are dispatched one by one. */
export type DispatchArgs = { effects: Effect[]; areForwarded?: boolean; isJob?: boolean; tailed?: Tailed };

type Mutation<Args extends DefaultFunctionArgs, Result> = FunctionReference<"mutation", "internal", Args, Result>;

/** The functions that every app exports for the library. */
export interface LazyReferences {
  recompute: Mutation<{ job: RecomputeJob }, RecomputeOutcome>;
  dispatch: Mutation<DispatchArgs, DispatchCounts>;
  sweep: Mutation<{ job: SweepJob }, { swept: number }>;
  inspect: FunctionReference<"query", "internal", { ask?: Question }, unknown>;
}
