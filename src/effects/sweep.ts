import { makeFunctionReference } from "convex/server";
import type { Value } from "convex/values";
import type { LazyReader, LazyWriter } from "../schema.js";
import { sweepSpan } from "../times.js";
import { findBy } from "../values/findBy.js";
import type { LedgerCtx } from "./ledger.js";

/*
 * A sweep handles all documents of a table that became due within one span of time, when the span is over. For each
 * scheduled sweep there is a document of `lazySweeps`, so that a sweep is scheduled once, and only if something is due.
 */

/** A sweep of the documents of a table whose `expiresAt` has passed (`due`). Earlier releases scheduled `evict`. */
export type Sweep = { kind: "due" | "evict"; table: string; sweepAt: number };

export function scheduleAt({ scheduler }: LedgerCtx, time: number, target: string, args: Record<string, Value>) {
  return scheduler.runAt(time, makeFunctionReference<"mutation">(target), args);
}

/** When the sweep runs that handles this time: at the end of its span. */
export const sweepTime = (expiresAt: number, spanMs: number): number => (Math.floor(expiresAt / spanMs) + 1) * spanMs;

export async function ensureSweep(ctx: LedgerCtx, sweep: Sweep): Promise<void> {
  if ((await findSweep(ctx.db, sweep)) !== null) return;
  await ctx.db.insert("lazySweeps", sweep);
  await scheduleAt(ctx, sweep.sweepAt, ctx.sweep, { job: sweep });
}

/** Makes sure that a sweep finds a document whose `expiresAt` is set now. */
export function sweepWhenDue(ctx: LedgerCtx, table: string, expiresAt: number, now = Date.now()) {
  return ensureSweep(ctx, { kind: "due", table, sweepAt: sweepTime(expiresAt, sweepSpan(expiresAt - now)) });
}

export async function finishSweep(db: LazyWriter, sweep: Sweep): Promise<void> {
  const scheduled = await findSweep(db, sweep);
  if (scheduled !== null) await db.delete("lazySweeps", scheduled._id);
}

function findSweep(db: LazyReader, { kind, table, sweepAt }: Sweep) {
  return findBy(db, "lazySweeps", "by_sweep", { table, kind, sweepAt }).first();
}
