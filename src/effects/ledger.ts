import { makeFunctionReference, type Scheduler } from "convex/server";
import type { GenericId, Value } from "convex/values";
import type { Entry, LazyReader, LazyWriter } from "../schema.js";
import { FAILURE_RETENTION_MS, FIRST_BACKOFF_MS, LEDGER_SPAN_MS, MAX_BACKOFF_MS } from "../times.js";
import { reasonOf } from "../values/describe.js";
import { ensureSweep, type SweepCtx, sweepTime } from "./sweep.js";

/*
 * The ledger remembers of each key what was dispatched, so that no work starts twice in its window. An entry's life:
 *
 *   open → (putOff: something runs again at the window's end) → take → succeed or fail → … → deleted when it expires
 *
 * While a failure rests, its window is held open until the retry.
 */

/** What it takes to write to the ledger. */
export interface LedgerCtx extends SweepCtx {
  /** Function path of the mutation `recompute`. */
  recompute: string;
}

/** When a recompute's job is to start: with a window that was opened for it, or put off to the end of one. */
export type Start = { windowEndsAt: number; isTrailing: boolean };

/** After this many failures in a row nothing is scheduled: a reader's effect starts the next attempt. */
export const MAX_ATTEMPTS = 8;
/** Share of the backoff that is random, so that keys that failed together do not come back together. */
const JITTER = 0.5;
const MAX_MESSAGE_LENGTH = 1_000;

/** What changes in an entry; undefined takes a field away. `expiresAt` follows from the rest. */
type EntryChange = {
  [Field in "windowEndsAt" | "taken" | "seen" | "trailingJob" | "failure"]?: Entry[Field] | undefined;
};

/** One document, one index range; so a dispatch depends on nothing but the entries it may write. */
export async function findEntry(db: LazyReader, key: string): Promise<Entry | null> {
  return await db
    .query("lazyEffects")
    .withIndex("by_key", (q) => q.eq("key", key))
    .first();
}

/** Whether the window of an entry is open. A failure may hold it open for longer than it is. */
export function isOpen({ windowEndsAt }: Entry, now: number, windowMs: number): boolean {
  return isAhead(windowEndsAt, now, windowMs + MAX_BACKOFF_MS);
}

/** Whether the work of an entry rests after a failure. */
export function isResting({ failure }: Entry, now: number, windowMs: number): boolean {
  return failure !== undefined && isAhead(failure.retryAt, now, windowMs + MAX_BACKOFF_MS);
}

/** Whether to wait for a time. One further ahead than the code ever sets it is of a clock that has been put back. */
function isAhead(time: number, now: number, furthestMs: number): boolean {
  return time > now && time <= now + furthestMs;
}

/** Opens a window, or changes the one there is. */
export async function writeEntry(
  ctx: LedgerCtx,
  entry: Entry | null,
  initial: { key: string; target: string },
  change: EntryChange & { windowEndsAt: number },
): Promise<Entry> {
  const { windowEndsAt } = change;
  const failure = "failure" in change ? change.failure : entry?.failure;
  const expiresAt = failure === undefined ? windowEndsAt : windowEndsAt + FAILURE_RETENTION_MS;
  const { key, target } = initial;
  const next = { key, target, ...entry, ...change, expiresAt } as Entry;
  if (entry === null) next._id = await ctx.db.insert("lazyEffects", next);
  else await ctx.db.patch("lazyEffects", entry._id, { ...change, expiresAt });
  const sweepAt = sweepTime(expiresAt, LEDGER_SPAN_MS);
  if (entry === null || sweepTime(entry.expiresAt, LEDGER_SPAN_MS) !== sweepAt) {
    await ensureSweep(ctx, { kind: "due", table: "lazyEffects", sweepAt });
  }
  return next;
}

/** Changes an entry within its window. */
async function change(ctx: LedgerCtx, entry: Entry, changed: Omit<EntryChange, "windowEndsAt">): Promise<void> {
  await writeEntry(ctx, entry, entry, { windowEndsAt: entry.windowEndsAt, ...changed });
}

/** How long work rests after its n-th failure in a row, in ms. */
export function backoffMs(attempts: number, random = Math.random()): number {
  const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** (attempts - 1), MAX_BACKOFF_MS);
  return Math.round(backoff * (1 - JITTER * random));
}

/**
 * Remembers a failed attempt, and holds its window open until the backoff is over, so that no reader starts the work
 * before. While attempts are left, a retry is scheduled for that time.
 *
 * @param work.retry - The arguments of the retry; absent when there is to be none.
 */
export async function fail(
  ctx: LedgerCtx,
  work: { key: string; target: string; retry?: (start: Start) => Record<string, Value> },
  entry: Entry | null,
  error: unknown,
): Promise<void> {
  const now = Date.now();
  const attempts = (entry?.failure?.attempts ?? 0) + 1;
  const retryAt = Math.max(now + backoffMs(attempts), entry?.windowEndsAt ?? 0);
  const message = reasonOf(error).slice(0, MAX_MESSAGE_LENGTH);
  const trailingJob =
    work.retry && attempts < MAX_ATTEMPTS
      ? await scheduleAt(ctx.scheduler, retryAt, work.target, work.retry({ windowEndsAt: retryAt, isTrailing: true }))
      : undefined;
  const failure = { message, attempts, failedAt: now, retryAt };
  const held = { windowEndsAt: retryAt, taken: undefined, trailingJob, failure };
  await writeEntry(ctx, entry, work, held);
}

/** After a recompute that committed: the failure that was remembered is over. */
export async function succeed(ctx: LedgerCtx, entry: Entry | null): Promise<void> {
  if (entry?.failure !== undefined) await change(ctx, entry, { failure: undefined });
}

/**
 * After a recompute that found the row fresh: the failure is over, and so is what the ledger knew of its readers.
 *
 * @param isPutOff - Whether it was the entry's trailing job, which has run now.
 */
export async function rest(ctx: LedgerCtx, entry: Entry | null, isPutOff: boolean): Promise<void> {
  if (entry === null) return;
  const isConsumed = isPutOff && entry.trailingJob !== undefined;
  if (entry.failure === undefined && entry.seen === undefined && !isConsumed) return;
  const trailingJob = isConsumed ? undefined : entry.trailingJob;
  await change(ctx, entry, { failure: undefined, seen: undefined, trailingJob });
}

/**
 * Before a recompute gives way to a run of its key. From now on nobody may count on it: the run may commit at this very
 * moment, and want another recompute. This write and the commit's look at the entry are then in conflict.
 *
 * @param isPutOff - Whether it was the entry's trailing job.
 */
export async function giveWay(ctx: LedgerCtx, entry: Entry | null, isPutOff: boolean): Promise<void> {
  if (isPutOff && entry?.trailingJob !== undefined) await change(ctx, entry, { trailingJob: undefined });
}

/**
 * After a row was committed or deleted by the app itself. A failure is over, with its backoff, but not the window that
 * it began in. After a deletion, what readers see is `0` again, as it was before there was a row: no effect of theirs
 * may be a duplicate of one from then.
 */
export async function release(
  ctx: LedgerCtx,
  { key, windowMs }: { key: string; windowMs: number },
  cause: "refreshed" | "evicted",
): Promise<void> {
  const entry = await findEntry(ctx.db, key);
  if (entry === null) return;
  const { failure } = entry;
  if (failure !== undefined) {
    const isHeldOpen = entry.windowEndsAt === failure.retryAt;
    const heldUntil = isHeldOpen ? failure.failedAt + windowMs : Number.POSITIVE_INFINITY;
    const windowEndsAt = Math.min(entry.windowEndsAt, heldUntil);
    // A retry that is scheduled for another time finds that its window is gone.
    const trailingJob = windowEndsAt === entry.windowEndsAt ? entry.trailingJob : undefined;
    const released = { windowEndsAt, trailingJob, failure: undefined, seen: undefined };
    await writeEntry(ctx, entry, entry, released);
  } else if (cause === "evicted") await change(ctx, entry, { seen: undefined });
}

/**
 * Deletes an entry that has expired by then. It depends on this document and on no range, so a dispatch that opens
 * its window again conflicts with it at most once, and other dispatches never.
 */
export async function deleteExpired(db: LazyWriter, id: GenericId<"lazyEffects">, by: number): Promise<void> {
  const entry = await db.get("lazyEffects", id);
  if (entry !== null && entry.expiresAt <= by) await db.delete("lazyEffects", id);
}

export async function scheduleAt(
  scheduler: Scheduler,
  time: number,
  target: string,
  args: Record<string, Value>,
): Promise<GenericId<"_scheduled_functions">> {
  return await scheduler.runAt(time, makeFunctionReference<"mutation">(target), args);
}
