import { makeFunctionReference, type Scheduler } from "convex/server";
import type { Value } from "convex/values";
import { isAhead } from "./clock.js";
import { type Effect, isSuperseded, ledgerKey, type RowCommit } from "./effect.js";
import { findEntry, type LedgerCtx, writeEntry } from "./ledger.js";

/** What `dispatch` did with a chunk of effects, in numbers of effects. */
export interface DispatchCounts {
  /** Scheduled at once. */
  dispatched: number;
  /** Scheduled for the end of a window that was open. */
  trailing: number;
  /** Dropped: their key's window was open. */
  duplicates: number;
  /** Dropped: the row was committed since. */
  superseded: number;
  /** Could not be scheduled; remembered as a failure in the ledger. */
  refused: number;
}

function noCounts(): DispatchCounts {
  return { dispatched: 0, trailing: 0, duplicates: 0, superseded: 0, refused: 0 };
}

function add(counts: DispatchCounts, more: DispatchCounts): void {
  for (const name of Object.keys(counts) as (keyof DispatchCounts)[]) counts[name] += more[name];
}

/** The longest rest of something that has failed. */
export const MAX_BACKOFF_MS = 10 * 60_000;

/** Effects handed to one dispatch: each may schedule a job and write a document of its transaction. */
export const CHUNK = 100;

/**
 * Calls a dispatching mutation as often as it takes, and adds up what it did. When a chunk fails, its effects are
 * dispatched one by one, so that one that cannot be is refused and holds up no other.
 *
 * @throws What the mutation throws, when it fails for every effect of a chunk: then the fault is not theirs.
 */
export async function dispatchInChunks(
  effects: readonly Effect[],
  dispatch: (chunk: Effect[]) => Promise<DispatchCounts>,
): Promise<DispatchCounts> {
  const counts = noCounts();
  for (let start = 0; start < effects.length; start += CHUNK) {
    const chunk = effects.slice(start, start + CHUNK);
    add(counts, await dispatch(chunk).catch(() => dispatchOneByOne(chunk, dispatch)));
  }
  return counts;
}

async function dispatchOneByOne(
  effects: readonly Effect[],
  dispatch: (chunk: Effect[]) => Promise<DispatchCounts>,
): Promise<DispatchCounts> {
  const counts = noCounts();
  let failure: unknown;
  for (const effect of effects) {
    try {
      add(counts, await dispatch([effect]));
    } catch (error) {
      failure = error;
      counts.refused++;
    }
  }
  if (counts.refused === effects.length) throw failure;
  return counts;
}

/** How effects are dispatched. */
export interface DispatchOptions {
  /**
   * The commit that each effect's row is at, in the same order; null for effects that have no row. Looked up through
   * a stale snapshot, so that a dispatch of many keys conflicts with the writers of none of them.
   */
  commits?: readonly (RowCommit | null)[];
  /** Arguments that the targets get beside the effect's own; they make no difference to its key. */
  jobArgs?: Record<string, Value>;
  /** Whether somebody relies on it that each target runs from now on: what looks like a repetition is news then. */
  isDemanded?: boolean;
  /** Told of each effect that is put off to the end of its window. */
  onTrailing?(effect: Effect): Promise<void>;
}

/**
 * Dispatches effects, each on its own: one that cannot be scheduled is remembered and stops no other.
 *
 * - The row is further than the reader saw it → superseded: nothing is written.
 * - No entry in the ledger, or its window is over → open a window, schedule the target now.
 * - Inside the window, and the effect saw another commit than the last one dispatched, or that one failed, or the
 *   effect is demanded → schedule the target for the window's end, unless something is scheduled there already.
 * - Else it is a duplicate: nothing is written.
 */
export async function dispatchEffects(
  ctx: LedgerCtx,
  effects: readonly Effect[],
  { commits = [], onTrailing, ...options }: DispatchOptions,
): Promise<DispatchCounts> {
  const counts = noCounts();
  for (const [i, effect] of effects.entries()) {
    if (isSuperseded(effect, commits[i] ?? null)) counts.superseded++;
    else {
      const outcome = await dispatchOne(ctx, effect, options);
      counts[outcome]++;
      if (outcome === "trailing") await onTrailing?.(effect);
    }
  }
  return counts;
}

async function dispatchOne(
  ctx: LedgerCtx,
  effect: Effect,
  { jobArgs = {}, isDemanded = false }: DispatchOptions,
): Promise<keyof DispatchCounts> {
  const now = Date.now();
  const key = ledgerKey(effect);
  const entry = await findEntry(ctx.db, key);
  const initial = { key, target: effect.target };
  const { seq } = effect;

  // A failure may hold the window open for longer than it is.
  const furthestMs = effect.windowMs + MAX_BACKOFF_MS;
  if (entry === null || !isAhead(entry.windowEndsAt, now, furthestMs)) {
    const windowEndsAt = now + effect.windowMs;
    const opened = { windowEndsAt, seq, trailingJob: undefined };
    const args = seq === undefined ? jobArgs : { ...jobArgs, windowEndsAt };
    const refusal = await scheduleOrExplain(ctx.scheduler, effect, args);
    if (refusal === null) {
      // A recompute's failure is over when it has committed; for others, being scheduled is all we know of.
      const failure = seq === undefined ? undefined : entry?.failure;
      await writeEntry(ctx, entry, initial, { ...opened, failure });
      return "dispatched";
    }
    const attempts = (entry?.failure?.attempts ?? 0) + 1;
    const failure = { message: refusal, attempts, failedAt: now, retryAt: windowEndsAt };
    await writeEntry(ctx, entry, initial, { ...opened, failure });
    return "refused";
  }

  const isNews =
    seq !== undefined && (isDemanded || seq !== entry.seq || entry.failure !== undefined);
  if (isNews && entry.trailingJob === undefined) {
    const trailingJob = await scheduleAt(ctx.scheduler, entry.windowEndsAt, effect.target, {
      ...effect.args,
      ...jobArgs,
      trailingAt: entry.windowEndsAt,
    });
    const { windowEndsAt } = entry;
    await writeEntry(ctx, entry, initial, { windowEndsAt, trailingJob, seq });
    return "trailing";
  }
  return "duplicates";
}

/** @returns Null, or why Convex refused to schedule the target: it does not exist, say. */
async function scheduleOrExplain(
  scheduler: Scheduler,
  effect: Effect,
  jobArgs: Record<string, Value>,
): Promise<string | null> {
  try {
    await scheduleAt(scheduler, Date.now(), effect.target, { ...effect.args, ...jobArgs });
    return null;
  } catch (error) {
    return `${effect.target} could not be scheduled: ${error instanceof Error ? error.message : error}`;
  }
}

export async function scheduleAt(
  scheduler: Scheduler,
  timestamp: number,
  target: string,
  args: Record<string, Value>,
) {
  return await scheduler.runAt(timestamp, makeFunctionReference<"mutation">(target), args);
}
