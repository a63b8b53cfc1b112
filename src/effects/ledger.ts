import type { Scheduler } from "convex/server";
import type { Value } from "convex/values";
import type { Entry, LazyReader, LazyWriter } from "../schema.js";
import { FAILURE_RETENTION_MS, FIRST_BACKOFF_MS, LEDGER_SPAN_MS, MAX_BACKOFF_MS } from "../times.js";
import { reasonOf, startOf } from "../values/describe.js";
import { findBy } from "../values/findBy.js";
import { type Effect, ledgerKey } from "./effect.js";
import { ensureSweep, scheduleAt, sweepTime } from "./sweep.js";

/*
 * The ledger has an entry for each effect that was dispatched, so that the same work does not start twice in its
 * window. A failure keeps the window open until the retry. The life of an entry:
 *
 *   open → (put off: the target runs again at the window's end) → taken → clear or fail → … → deleted when it expires
 */

/** What is needed to write entries, and to schedule jobs. */
export interface LedgerCtx {
  db: LazyWriter;
  scheduler: Scheduler;
  /** Function paths of these mutations. */
  recompute: string;
  sweep: string;
}

/** When the job of a recompute starts: with the window that was opened for it, or at the end of one (`isTrailing`). */
export type Start = { windowEndsAt: number; isTrailing: boolean };

/** After this many failures in a row nothing is scheduled: a reader's effect starts the next attempt. */
export const MAX_ATTEMPTS = 8;
const JITTER = 0.5; // The random share of the backoff, so that keys that failed together are not tried again together.
const MAX_MESSAGE_LENGTH = 1_000;
/** What Convex says when a table of the library is not in the schema. */
const NO_LAZY_TABLE = /\blazy[A-Z]\w+\b.* (?:not found|not declared)/;

/** What changes in an entry; undefined removes a field. `expiresAt` follows from the rest. */
type EntryChange = { windowEndsAt?: number } & {
  [Field in "taken" | "seen" | "trailingJob" | "failure" | "seq"]?: Entry[Field] | undefined;
};

/** Reads one document by one index range, so that a dispatch depends on nothing but the entries that it may write. */
export async function findEntry(db: LazyReader, key: string): Promise<Entry | null> {
  try {
    return await findBy(db, "lazyEffects", "by_key", { key }).first();
  } catch (cause) {
    const reason = reasonOf(cause);
    if (!NO_LAZY_TABLE.test(reason)) throw cause;
    throw new Error(`${reason} Add ...lazyTables to defineSchema in convex/schema.ts.`, { cause });
  }
}

/**
 * Whether a deadline is ahead. One beyond the longest backoff does not count: it is from before a clock was put back.
 */
export function isAhead(time: number, now: number, windowMs: number): boolean {
  return time > now && time <= now + windowMs + MAX_BACKOFF_MS;
}

type NewEntry = Pick<Entry, "key" | "target">;

export const newEntry = (effect: Effect): NewEntry => ({ key: ledgerKey(effect), target: effect.target });

/** Schedules the target of an effect, now or at the end of a window. The job of a recompute gets `start`. */
export function scheduleWork(ctx: LedgerCtx, { target, args }: Effect, start: Start, byWrite?: boolean) {
  const job = { kind: "attempt", ...args, start, byWrite } as Value;
  const time = start.isTrailing ? start.windowEndsAt : Date.now();
  return scheduleAt(ctx, time, target, target === ctx.recompute ? { job } : args);
}

/** Changes an entry, or makes one, whose window the change opens. */
export async function writeEntry(ctx: LedgerCtx, entry: Entry | NewEntry, change: EntryChange): Promise<Entry> {
  const next = { ...entry, ...change } as Entry;
  next.expiresAt = next.windowEndsAt + (next.failure ? FAILURE_RETENTION_MS : 0);
  const sweepAt = sweepTime(next.expiresAt, LEDGER_SPAN_MS);
  if ("_id" in entry) {
    await ctx.db.patch("lazyEffects", entry._id, { ...change, expiresAt: next.expiresAt });
    if (sweepTime(entry.expiresAt, LEDGER_SPAN_MS) === sweepAt) return next;
  } else next._id = await ctx.db.insert("lazyEffects", next);
  await ensureSweep(ctx, { kind: "due", table: "lazyEffects", sweepAt });
  return next;
}

/** Removes fields of an entry, if it has any of them. */
export async function clear(ctx: LedgerCtx, entry: Entry | null, ...names: (keyof EntryChange)[]): Promise<void> {
  const cleared = names.filter((name) => entry?.[name] !== undefined).map((name) => [name, undefined]);
  if (entry && cleared.length > 0) await writeEntry(ctx, entry, Object.fromEntries(cleared));
}

/** The pause after the n-th failure in a row, in ms. */
export function backoffMs(attempts: number, random = Math.random()): number {
  const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** (attempts - 1), MAX_BACKOFF_MS);
  return Math.round(backoff * (1 - JITTER * random));
}

/** A failure now, which counts as one more of its entry. */
export function newFailure(entry: Entry | null, message: string) {
  const attempts = (entry?.failure?.attempts ?? 0) + 1;
  return { message: startOf(message, MAX_MESSAGE_LENGTH), attempts, failedAt: Date.now() };
}

/** Remembers a failure, and keeps the window open for the backoff. With `retry`, the target then runs again. */
export async function fail(ctx: LedgerCtx, effect: Effect, error: unknown, retry?: { byWrite?: boolean | undefined }) {
  const entry = await findEntry(ctx.db, ledgerKey(effect));
  const failure = newFailure(entry, reasonOf(error));
  const { attempts, failedAt } = failure;
  const retryAt = Math.max(failedAt + backoffMs(attempts), entry?.windowEndsAt ?? 0);
  const held = { windowEndsAt: retryAt, taken: undefined, failure: { ...failure, retryAt } };
  const isRetried = retry && attempts < MAX_ATTEMPTS;
  const start = { windowEndsAt: retryAt, isTrailing: true };
  const trailingJob = isRetried ? await scheduleWork(ctx, effect, start, retry.byWrite) : undefined;
  await writeEntry(ctx, entry ?? newEntry(effect), { ...held, trailingJob });
}

/**
 * Called after the app itself has committed or deleted a row. Ends a failure and its backoff, but not the window in
 * which the failure happened. After a deletion, readers see no row, which counts as `0`. Their effects must not count
 * as duplicates of those from before the row existed, so `seen` is cleared.
 */
export async function release(ctx: LedgerCtx, recompute: Effect, cause: "refreshed" | "evicted"): Promise<void> {
  const entry = await findEntry(ctx.db, ledgerKey(recompute));
  if (entry?.failure) {
    const { failedAt, retryAt } = entry.failure;
    const isHeldOpen = entry.windowEndsAt === retryAt;
    const windowEndsAt = isHeldOpen ? Math.min(retryAt, failedAt + recompute.windowMs) : entry.windowEndsAt;
    // A retry that is scheduled for another time finds that its window is gone.
    const trailingJob = windowEndsAt === entry.windowEndsAt ? entry.trailingJob : undefined;
    await writeEntry(ctx, entry, { windowEndsAt, trailingJob, failure: undefined, seen: undefined });
  } else if (cause === "evicted") await clear(ctx, entry, "seen");
}
