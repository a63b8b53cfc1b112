import { makeFunctionReference, type Scheduler } from "convex/server";
import type { Value } from "convex/values";
import { type Effect, ledgerKey } from "./effect.js";
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

/** Effects handed to one dispatch: each may schedule a job and write a document of its transaction. */
const CHUNK = 100;

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

/**
 * Tells the commit that each effect's row is at, in the same order; null for effects that have no row. It looks
 * through a stale snapshot, so that a dispatch of many keys conflicts with the writers of none of them.
 */
export type CurrentSeqs = (effects: readonly Effect[]) => Promise<(number | null)[]>;

/**
 * Dispatches effects, each on its own: one that cannot be scheduled is remembered and stops no other.
 *
 * - The row's seq is past the effect's → superseded: nothing is written.
 * - No entry in the ledger, or its window is over → open a window, schedule the target now.
 * - Inside the window, and the effect saw another commit than the last one dispatched, or that one failed →
 *   schedule the target for the window's end, unless something is scheduled there already.
 * - Else it is a duplicate: nothing is written.
 */
export async function dispatchEffects(
  ctx: LedgerCtx,
  effects: readonly Effect[],
  currentSeqs: CurrentSeqs,
): Promise<DispatchCounts> {
  const counts = noCounts();
  const seqs = await currentSeqs(effects);
  for (const [i, effect] of effects.entries()) {
    const current = seqs[i] ?? null;
    if (effect.seq !== undefined && current !== null && current > effect.seq) counts.superseded++;
    else counts[await dispatchOne(ctx, effect)]++;
  }
  return counts;
}

async function dispatchOne(ctx: LedgerCtx, effect: Effect): Promise<keyof DispatchCounts> {
  const now = Date.now();
  const key = ledgerKey(effect);
  const entry = await findEntry(ctx.db, key);
  const initial = { key, target: effect.target };

  if (entry === null || entry.windowEndsAt <= now) {
    const windowEndsAt = now + effect.windowMs;
    const opened = { windowEndsAt, seq: effect.seq, trailingJob: undefined };
    const refusal = await scheduleOrExplain(ctx.scheduler, effect);
    if (refusal === null) {
      // A recompute's failure is over when it has committed; for others, being scheduled is all we know of.
      const failure = effect.seq === undefined ? undefined : entry?.failure;
      await writeEntry(ctx, entry, initial, { ...opened, failure });
      return "dispatched";
    }
    const attempts = (entry?.failure?.attempts ?? 0) + 1;
    const failure = { message: refusal, attempts, failedAt: now, retryAt: windowEndsAt };
    await writeEntry(ctx, entry, initial, { ...opened, failure });
    return "refused";
  }

  const isNews =
    effect.seq !== undefined && (effect.seq !== entry.seq || entry.failure !== undefined);
  if (isNews && entry.trailingJob === undefined) {
    const trailingJob = await scheduleAt(ctx.scheduler, entry.windowEndsAt, effect.target, {
      ...effect.args,
      trailingAt: entry.windowEndsAt,
    });
    const { windowEndsAt } = entry;
    await writeEntry(ctx, entry, initial, { windowEndsAt, trailingJob, seq: effect.seq });
    return "trailing";
  }
  return "duplicates";
}

/** @returns Null, or why Convex refused to schedule the target: it does not exist, say. */
async function scheduleOrExplain(scheduler: Scheduler, effect: Effect): Promise<string | null> {
  try {
    await scheduleAt(scheduler, Date.now(), effect.target, effect.args);
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
