import type { Value } from "convex/values";
import { reasonOf } from "../values/describe.js";
import { type Effect, isSuperseded, ledgerKey } from "./effect.js";
import { findEntry, isOpen, type LedgerCtx, type Start, scheduleAt, writeEntry } from "./ledger.js";

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
   * The `asOf` of each effect's row, in the same order; null for effects that have no row. Looked up through a stale
   * snapshot, so that a dispatch of many keys conflicts with the writers of none of them.
   */
  asOf?: readonly (bigint | null)[];
  /** Whether a write asks for the recomputes, and no reader. */
  byWrite?: boolean;
  /** Told of each effect that is put off to the end of its window. */
  onTrailing?(effect: Effect): Promise<void>;
}

/**
 * Dispatches effects, each on its own: one that cannot be scheduled is remembered and stops no other.
 *
 * - The row has been committed since the reader saw it → superseded: nothing is written.
 * - No entry in the ledger, or its window is over → open a window, schedule the target now. When the effect saw the same
 *   row as the last one dispatched, nothing has come of that one yet: the window is for the first of their jobs to
 *   start, so that jobs which always start late do not give way to each other for ever.
 * - Inside the window, and the effect saw another row than the last one dispatched, or that one failed → schedule the
 *   target for the window's end, unless something is scheduled there already.
 * - Else it is a duplicate: nothing is written.
 */
export async function dispatchEffects(
  ctx: LedgerCtx,
  effects: readonly Effect[],
  { asOf = [], byWrite = false, onTrailing }: DispatchOptions,
): Promise<DispatchCounts> {
  const counts = noCounts();
  for (const [i, effect] of effects.entries()) {
    if (isSuperseded(effect, asOf[i] ?? null)) counts.superseded++;
    else {
      const outcome = await dispatchOne(ctx, effect, byWrite);
      counts[outcome]++;
      if (outcome === "trailing") await onTrailing?.(effect);
    }
  }
  return counts;
}

async function dispatchOne(ctx: LedgerCtx, effect: Effect, byWrite: boolean): Promise<keyof DispatchCounts> {
  const now = Date.now();
  const key = ledgerKey(effect);
  const entry = await findEntry(ctx.db, key);
  const { seen, target } = effect;
  const start = (windowEndsAt: number, isTrailing: boolean) =>
    argsOf(ctx, effect, { windowEndsAt, isTrailing }, byWrite);

  if (entry === null || !isOpen(entry, now, effect.windowMs)) {
    const windowEndsAt = now + effect.windowMs;
    // A recompute's failure is over when it has committed; for others, being scheduled is all we know of.
    let failure = seen === undefined ? undefined : entry?.failure;
    let outcome: keyof DispatchCounts = "dispatched";
    try {
      await scheduleAt(ctx.scheduler, now, target, start(windowEndsAt, false));
    } catch (error) {
      // Convex does not take it: the target does not exist, say.
      const message = `${target} could not be scheduled: ${reasonOf(error)}`;
      const attempts = (entry?.failure?.attempts ?? 0) + 1;
      failure = { message, attempts, failedAt: now, retryAt: windowEndsAt };
      outcome = "refused";
    }
    const isRepeated = entry !== null && seen !== undefined && seen === entry.seen;
    const taken = isRepeated ? false : undefined;
    const opened = { windowEndsAt, taken, seen, trailingJob: undefined, failure };
    await writeEntry(ctx, entry, { key, target }, opened);
    return outcome;
  }

  const isNews = seen !== undefined && (seen !== entry.seen || entry.failure !== undefined);
  if (!isNews || entry.trailingJob !== undefined) return "duplicates";
  const { windowEndsAt } = entry;
  const args = start(windowEndsAt, true);
  const trailingJob = await scheduleAt(ctx.scheduler, windowEndsAt, target, args);
  await writeEntry(ctx, entry, entry, { windowEndsAt, trailingJob, seen });
  return "trailing";
}

/** What the target is called with: a recompute is told for which window. */
function argsOf(ctx: LedgerCtx, { target, args }: Effect, start: Start, byWrite: boolean): Record<string, Value> {
  if (target !== ctx.recompute) return args;
  return { job: { kind: "attempt", ...args, start, ...(byWrite ? { byWrite } : {}) } };
}
