import type { Value } from "convex/values";
import { MAX_BACKOFF_MS, scheduleAt } from "../effects/dispatch.js";
import {
  type EntryChange,
  findEntry,
  type LedgerCtx,
  type LedgerEntry,
  writeEntry,
} from "../effects/ledger.js";

/** How failed recomputes are repeated. */
export const RETRY = {
  /** After this many attempts in a row nothing is scheduled: a reader's effect starts the next one. */
  maxAttempts: 8,
  firstBackoffMs: 1_000,
  maxBackoffMs: MAX_BACKOFF_MS,
  /** Share of the backoff that is random, so that keys that failed together do not come back together. */
  jitter: 0.5,
};

const MAX_MESSAGE_LENGTH = 1_000;

/** How long the work rests after its n-th failure in a row, in ms. */
export function backoffMs(attempts: number, random = Math.random()): number {
  const backoff = Math.min(RETRY.firstBackoffMs * 2 ** (attempts - 1), RETRY.maxBackoffMs);
  return Math.round(backoff * (1 - RETRY.jitter * random));
}

/**
 * Remembers a failed attempt, and holds its window open until the backoff is over, so that no reader starts the
 * work before. While attempts are left, a retry is scheduled for that time.
 */
export async function recordFailure(
  ctx: LedgerCtx,
  work: { key: string; target: string; args: Record<string, Value>; retry: boolean },
  entry: LedgerEntry | null,
  error: unknown,
): Promise<void> {
  const now = Date.now();
  const attempts = (entry?.failure?.attempts ?? 0) + 1;
  const retryAt = Math.max(now + backoffMs(attempts), entry?.windowEndsAt ?? 0);
  const message = (error instanceof Error ? error.message : String(error)).slice(
    0,
    MAX_MESSAGE_LENGTH,
  );
  const change: EntryChange & { windowEndsAt: number } = {
    windowEndsAt: retryAt,
    trailingJob: undefined,
    failure: { message, attempts, failedAt: now, retryAt },
  };
  if (work.retry && attempts < RETRY.maxAttempts) {
    change.trailingJob = await scheduleAt(ctx.scheduler, retryAt, work.target, {
      ...work.args,
      trailingAt: retryAt,
    });
  }
  await writeEntry(ctx, entry, { key: work.key, target: work.target }, change);
}

/**
 * After a recompute that found the row fresh: the failure is over, and so is what the ledger knew of its readers.
 *
 * @param isPutOff - Whether it was the entry's job, which has run now.
 */
export async function recordClean(
  ctx: LedgerCtx,
  entry: LedgerEntry | null,
  isPutOff: boolean,
): Promise<void> {
  if (entry === null) return;
  const { windowEndsAt, failure, seq, trailingJob } = entry;
  const isConsumed = isPutOff && trailingJob !== undefined;
  if (failure === undefined && seq === undefined && !isConsumed) return;
  const known = { windowEndsAt, failure: undefined, seq: undefined };
  await writeEntry(ctx, entry, entry, isConsumed ? { ...known, trailingJob: undefined } : known);
}

/**
 * After the entry's job has run and left its work to another one: nothing is scheduled there any more. Whoever reads
 * the entry meanwhile must not rely on it.
 */
export async function recordConsumed(ctx: LedgerCtx, entry: LedgerEntry | null): Promise<void> {
  if (entry?.trailingJob === undefined) return;
  const { windowEndsAt } = entry;
  await writeEntry(ctx, entry, entry, { windowEndsAt, trailingJob: undefined });
}

/** After a recompute that committed: the failure that was remembered is over. */
export async function recordSuccess(ctx: LedgerCtx, entry: LedgerEntry | null): Promise<void> {
  if (entry?.failure === undefined) return;
  const { windowEndsAt } = entry;
  await writeEntry(ctx, entry, entry, { windowEndsAt, failure: undefined });
}

/**
 * After a row was committed or deleted by the app itself. A failure is over, with its backoff, but not the window
 * that it began in. A deleted row counts its commits from 0 again, so no seq that the ledger holds may make a
 * reader's effect a duplicate.
 */
export async function releaseKey(
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
    const change = { windowEndsAt, trailingJob, failure: undefined, seq: undefined };
    await writeEntry(ctx, entry, entry, change);
  } else if (cause === "evicted") {
    await writeEntry(ctx, entry, entry, { windowEndsAt: entry.windowEndsAt, seq: undefined });
  }
}
