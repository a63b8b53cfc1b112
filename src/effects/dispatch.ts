import type { Entry } from "../schema.js";
import { reasonOf } from "../values/describe.js";
import type { Effect } from "./effect.js";
import { findEntry, isAhead, type LedgerCtx, newEntry, newFailure, scheduleWork, writeEntry } from "./ledger.js";

/** How many effects a call of `dispatch` or `forward` scheduled, and how many it dropped. */
export interface DispatchCounts {
  /**
   * Scheduled at once. Of more than 100 effects, those after the first 100 count here: a further job dispatches them.
   */
  dispatched: number;
  /** Scheduled for the end of their window, which was open. */
  trailing: number;
  /** Dropped, because their window was open. */
  duplicates: number;
  /** Recomputes that were dropped, because the row was committed after the reader saw it. */
  superseded: number;
  /** Could not be scheduled. The ledger remembers the failure, and `inspect` reports it. */
  refused: number;
}

export type Outcome = keyof DispatchCounts;

export const NO_COUNTS: DispatchCounts = { dispatched: 0, trailing: 0, duplicates: 0, superseded: 0, refused: 0 };
export const CHUNK = 100; // Effects in one dispatch. Each may schedule a job and write a document.

/**
 * Calls the dispatching mutation for each chunk, and adds up its counts. When a chunk fails, its effects are dispatched
 * one by one, so that an effect that fails is refused alone.
 *
 * @throws What the mutation throws, when it fails for all effects: then the fault is not in them.
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

/** The `asOf` of a row, or null where it is not known; or a text that says why the effect cannot be dispatched. */
export type Commit = bigint | null | string;

/**
 * Dispatches an effect. It does not throw when the target cannot be scheduled: the ledger remembers that failure.
 *
 * - The row was committed after the reader saw it → superseded. Writes nothing.
 * - The ledger has no entry, or the entry's window is over → opens a window, and schedules the target now. If the last
 *   effect saw the same row, its job has had no result yet. Then whichever of the two jobs starts first takes the
 *   window. (Otherwise jobs that always start late would replace each other for ever.)
 * - The window is open, and the effect saw another row than the last one, or the last one failed → schedules the target
 *   for the window's end, unless it is scheduled there already.
 * - The window is open, and the effect has `trailing` → the same. The entry then also lasts for the window that begins
 *   there, at whose end another repetition runs.
 * - Otherwise the effect is a duplicate. Writes nothing.
 *
 * @param commit - What a stale snapshot shows of the effect's row, so that a dispatch conflicts with no writer.
 * @param byWrite - Whether a write asks for the recompute, and not a reader.
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
  // The failure of a recompute ends with its commit. Of other targets, only their scheduling is known.
  await writeEntry(ctx, entry ?? own, { ...opened, failure: seen === undefined ? undefined : entry?.failure });
  return "dispatched";
}

/** Whether an effect inside the window of its entry makes the target run at the window's end. */
function isNews({ seen, trailing, windowMs }: Effect, entry: Entry, now: number): boolean {
  if (seen !== undefined) {
    const hasSeenOther = seen !== entry.seen || entry.failure !== undefined;
    // A job that release 0.1 has put off does not count, because this release refuses it.
    const isPutOff = entry.trailingJob !== undefined && entry.seq === undefined;
    return hasSeenOther && !isPutOff;
  }
  // Until this window begins, the job that is put off to its beginning still runs after the effect.
  const isPutOff = entry.trailingJob !== undefined && now < entry.windowEndsAt - windowMs;
  return trailing === true && entry.failure === undefined && !isPutOff;
}
