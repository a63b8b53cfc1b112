import type { FunctionReference, FunctionVisibility, Scheduler } from "convex/server";
import type { GenericId } from "convex/values";
import type { LedgerReader, LedgerWriter } from "./ledger.js";

/*
 * Sweeps: what expires within one span of time is handled together, when the span is over. A document of `lazySweeps`
 * says that the sweep of a table and a time is scheduled, so that none is when nothing can expire.
 */

/** Documents handled in one transaction. */
export const SWEEP_BATCH = 100;
/** How long a sweep waits that knows of due documents, but not yet which. */
export const SWEEP_RETRY_MS = 1_000;

/** One sweep: the table whose documents have an `expiresAt`, and when it takes place, in ms since 1970. */
export type Sweep = { table: string; sweepAt: number };

/** What the mutation `sweep` is called with. */
export type SweepJob = Sweep & {
  /** In a scan: the `_creationTime` of the last document that was looked at, or its place in a paginated query. */
  after?: number;
  cursor?: string;
};

/** The internal mutation that sweeps: `lazy:sweep`. */
export type SweepReference = FunctionReference<"mutation", FunctionVisibility, SweepJob>;

/** What it takes to schedule a sweep. */
export interface SweepCtx {
  db: LedgerWriter;
  scheduler: Scheduler;
  sweep: SweepReference;
}

/**
 * When the things that expire at a time are swept.
 *
 * @param spanMs - The span in which they are swept together.
 */
export function sweepTime(expiresAt: number, spanMs: number): number {
  return (Math.floor(expiresAt / spanMs) + 1) * spanMs;
}

/** Makes sure that a sweep is scheduled. */
export async function ensureSweep(ctx: SweepCtx, sweep: Sweep): Promise<void> {
  if ((await findSweep(ctx.db, sweep)) !== null) return;
  await ctx.db.insert("lazySweeps", sweep);
  await ctx.scheduler.runAt(sweep.sweepAt, ctx.sweep, sweep);
}

/** After the last batch: the document that said that the sweep was scheduled goes. */
export async function finishSweep(db: LedgerWriter, sweep: Sweep): Promise<void> {
  const scheduled = await findSweep(db, sweep);
  if (scheduled !== null) await db.delete("lazySweeps", scheduled._id);
}

async function findSweep(db: LedgerReader, { table, sweepAt }: Sweep) {
  return await db
    .query("lazySweeps")
    .withIndex("by_time", (q) => q.eq("table", table).eq("sweepAt", sweepAt))
    .first();
}

/**
 * The documents of a sweep that are due, oldest first, as far as one transaction handles them. Read through a stale
 * snapshot: a range that many write would conflict with all of them.
 *
 * @param isNearlyOut - Whether no more should be read in this transaction.
 */
export async function dueDocuments(
  db: LedgerReader,
  sweep: Sweep,
  isNearlyOut: () => Promise<boolean>,
): Promise<GenericId<string>[]> {
  const ids: GenericId<string>[] = [];
  for await (const { _id } of dueRange(db, sweep)) {
    ids.push(_id);
    if (ids.length === SWEEP_BATCH || (await isNearlyOut())) break;
  }
  return ids;
}

/**
 * Whether documents of a sweep are left. It depends on the range up to the sweep's time, which lies in the past:
 * nobody writes there but to take documents away.
 */
export async function hasDue(db: LedgerReader, sweep: Sweep): Promise<boolean> {
  return (await dueRange(db, sweep).first()) !== null;
}

function dueRange(db: LedgerReader, { table, sweepAt }: Sweep) {
  // Every table that is swept has this field and this index.
  return db
    .query(table as "lazyEffects")
    .withIndex("by_expiry", (q) => q.gt("expiresAt", 0).lte("expiresAt", sweepAt));
}
