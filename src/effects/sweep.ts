import type { FunctionReference, FunctionVisibility } from "convex/server";
import type { GenericId } from "convex/values";
import type { LedgerCtx, LedgerReader, LedgerWriter } from "./ledger.js";

/** Things that expire within the same ten minutes are swept together. */
const SWEEP_INTERVAL_MS = 10 * 60_000;
/** Ledger entries deleted in one transaction. */
export const SWEEP_BATCH = 100;

/** The internal mutation that sweeps: `lazy:sweep`. */
export type SweepReference = FunctionReference<"mutation", FunctionVisibility, { sweepAt: number }>;

/** When the things that expire at a time are swept. */
export function sweepTime(expiresAt: number): number {
  return (Math.floor(expiresAt / SWEEP_INTERVAL_MS) + 1) * SWEEP_INTERVAL_MS;
}

/** Makes sure that a sweep is scheduled for a time; one document says that it is. */
export async function ensureSweep(ctx: LedgerCtx, sweepAt: number): Promise<void> {
  const scheduled = await findSweep(ctx.db, sweepAt);
  if (scheduled !== null) return;
  await ctx.db.insert("lazySweeps", { sweepAt });
  await ctx.scheduler.runAt(sweepAt, ctx.sweep, { sweepAt });
}

/** The document that says that a sweep is scheduled. */
async function findSweep(db: LedgerReader, sweepAt: number) {
  return await db
    .query("lazySweeps")
    .withIndex("by_time", (q) => q.eq("sweepAt", sweepAt))
    .first();
}

/** Entries that have expired, oldest first. Read through a stale snapshot, so that no writer conflicts with it. */
export async function expiredEntries(
  db: LedgerReader,
  before: number,
): Promise<GenericId<"lazyEffects">[]> {
  const entries = await db
    .query("lazyEffects")
    .withIndex("by_expiry", (q) => q.lte("expiresAt", before))
    .take(SWEEP_BATCH);
  return entries.map((entry) => entry._id);
}

/**
 * Deletes the entries that are still expired: it depends on these documents and on no range, so a dispatch that
 * opens one of their windows again conflicts with it at most once, and other dispatches never.
 *
 * @returns How many it deleted.
 */
export async function deleteExpired(
  db: LedgerWriter,
  ids: readonly GenericId<"lazyEffects">[],
  now: number,
): Promise<number> {
  let deleted = 0;
  for (const id of ids) {
    const entry = await db.get("lazyEffects", id);
    if (entry === null || entry.expiresAt > now) continue;
    await db.delete("lazyEffects", id);
    deleted++;
  }
  return deleted;
}

/** After the last batch: the document that said that this sweep was scheduled goes. */
export async function finishSweep(db: LedgerWriter, sweepAt: number): Promise<void> {
  const scheduled = await findSweep(db, sweepAt);
  if (scheduled !== null) await db.delete("lazySweeps", scheduled._id);
}
