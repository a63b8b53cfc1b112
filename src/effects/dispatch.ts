import type { Entry } from "../schema.js";
import { reasonOf } from "../values/describe.js";
import type { Effect } from "./effect.js";
import { findEntry, isAhead, type LedgerCtx, newEntry, newFailure, scheduleWork, writeEntry } from "./ledger.js";

/** What `dispatch` did with a chunk of effects, in numbers of effects. */
export interface DispatchCounts {
  /** Scheduled at once; or, where there are more than 100, handed on to a dispatch of their own. */
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

export type Outcome = keyof DispatchCounts;

export const NO_COUNTS: DispatchCounts = { dispatched: 0, trailing: 0, duplicates: 0, superseded: 0, refused: 0 };
export const CHUNK = 100; // The effects of one dispatch: each may schedule a job and write a document.

/**
 * Calls a dispatching mutation for each chunk, and adds up what it did. When a chunk fails, its effects are dispatched
 * one by one, so that one that cannot be is refused and holds up no other.
 *
 * @throws What the mutation throws, when it fails for every effect of a chunk: then the fault is not theirs.
 */
export async function dispatchInChunks(
  effects: readonly Effect[],
  dispatch: (chunk: Effect[]) => Promise<DispatchCounts>,
  size = CHUNK,
): Promise<DispatchCounts> {
  const counts = { ...NO_COUNTS };
  const failures: unknown[] = [];
  for (let start = 0; start < effects.length; start += size) {
    const chunk = effects.slice(start, start + size);
    const done = await dispatch(chunk).catch((error) => {
      if (size > 1) return dispatchInChunks(chunk, dispatch, 1);
      failures.push(error);
      return { ...NO_COUNTS, refused: 1 };
    });
    for (const outcome of Object.keys(counts) as Outcome[]) counts[outcome] += done[outcome];
  }
  if (failures.length > 0 && failures.length === effects.length) throw failures[0];
  return counts;
}

/** The `asOf` of a row; null where it is not known. A text says why the effect cannot be dispatched. */
export type Commit = bigint | null | string;

/**
 * Dispatches an effect. One that cannot be scheduled is remembered, and throws nothing.
 *
 * - The row has been committed since the reader saw it → superseded: nothing is written.
 * - No entry in the ledger, or its window is over → open a window, schedule the target now. When the effect saw the
 *   same row as the last one dispatched, that one has had no result yet: the window is for the first of their jobs to
 *   start, so that jobs which always start late do not give way to each other for ever.
 * - Inside the window, and the effect saw another row than the last one dispatched, or that one failed → schedule the
 *   target for the window's end, unless something is scheduled there already. So is an effect with `trailing`; its
 *   entry then lasts for the window that begins there, too, and in that one it is put off again.
 * - Else it is a duplicate: nothing is written.
 *
 * @param commit - Of the effect's row, from a stale snapshot, so that a dispatch conflicts with no writer.
 * @param byWrite - A write asks for the recompute, and no reader.
 */
export async function dispatchOne(ctx: LedgerCtx, effect: Effect, commit?: Commit, byWrite?: true): Promise<Outcome> {
  const { target, windowMs, seen } = effect;
  if (seen !== undefined && typeof commit === "bigint" && commit > seen) return "superseded";
  const problem = typeof commit === "string" && commit;
  const now = Date.now();
  const own = newEntry(effect);
  const entry = await findEntry(ctx.db, own.key);
  // The entry of an effect with `trailing` that was put off lasts for two windows.
  const isOpen = entry !== null && isAhead(entry.windowEndsAt, now, seen === undefined ? 2 * windowMs : windowMs);
  if (isOpen && problem && entry.failure) return "refused";
  if (isOpen && !problem && !isNews(effect, entry, now)) return "duplicates";

  const windowEndsAt = isOpen ? entry.windowEndsAt : now + windowMs;
  const isRepeated = seen !== undefined && seen === entry?.seen;
  const opened = { windowEndsAt, taken: isRepeated ? false : undefined, seen, trailingJob: undefined };
  let trailingJob: Entry["trailingJob"];
  try {
    if (problem) throw new Error(problem);
    trailingJob = await scheduleWork(ctx, effect, { windowEndsAt, isTrailing: isOpen }, byWrite);
  } catch (error) {
    const failure = newFailure(entry, `${target} could not be scheduled: ${reasonOf(error)}`);
    await writeEntry(ctx, entry ?? own, { ...(!isOpen && opened), failure: { ...failure, retryAt: windowEndsAt } });
    return "refused";
  }
  if (isOpen) {
    const putOff = seen === undefined ? { windowEndsAt: windowEndsAt + windowMs } : { seen };
    await writeEntry(ctx, entry, { trailingJob, seq: undefined, ...putOff });
    return "trailing";
  }
  // A recompute's failure is over when it has committed; of others we only know that they are scheduled.
  await writeEntry(ctx, entry ?? own, { ...opened, failure: seen === undefined ? undefined : entry?.failure });
  return "dispatched";
}

/** Whether an effect inside the window of its entry has the target run at the window's end. */
function isNews({ seen, trailing, windowMs }: Effect, entry: Entry, now: number): boolean {
  if (seen !== undefined) {
    const hasSeenOther = seen !== entry.seen || entry.failure !== undefined;
    // A job that release 0.1 has put off does not count: this release refuses it.
    const isPutOff = entry.trailingJob !== undefined && entry.seq === undefined;
    return hasSeenOther && !isPutOff;
  }
  // A job that was put off to the beginning of this window has run, or is about to run.
  const isPutOff = entry.trailingJob !== undefined && now < entry.windowEndsAt - windowMs;
  return trailing === true && entry.failure === undefined && !isPutOff;
}
