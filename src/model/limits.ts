import type { TransactionLimits } from "convex/server";
import type { AnyMutationCtx, AnyQueryCtx } from "../schema.js";

type Metered = Pick<AnyQueryCtx, "meta">;

/** Work that can go on in another transaction stops when less than this is left of what one may do. */
const CONTINUED = { bytesRead: 4 << 20, documentsRead: 4_000, databaseQueries: 500 };

/** Whether a transaction has read nearly all that it may. */
export async function isNearlyOut(ctx: Metered): Promise<boolean> {
  return await isBelow(ctx, CONTINUED);
}

/** With fewer index ranges left than this, a mutation that looks up many keys reads whole tables instead. */
const MANY_RANGES = { databaseQueries: 3_000 };

/** Whether a mutation has looked up so much that a range for each key may be too many. */
export async function isShortOfRanges(ctx: Metered): Promise<boolean> {
  return await isBelow(ctx, MANY_RANGES);
}

async function isBelow({ meta }: Metered, reserve: Partial<typeof CONTINUED>): Promise<boolean> {
  const metrics = await meta.getTransactionMetrics();
  return Object.entries(reserve).some(([name, least]) => metrics[name as keyof typeof CONTINUED].remaining < least);
}

/** What a transaction must have left to remember a failure. */
const FAILURE = {
  bytesRead: 1 << 20,
  bytesWritten: 1 << 20,
  documentsRead: 100,
  documentsWritten: 100,
  databaseQueries: 50,
  functionsScheduled: 10,
  scheduledFunctionArgsBytes: 1 << 20,
};

/** The limits of a sub-transaction that leaves its parent enough to remember a failure. */
export async function limitsWithReserve({ meta }: AnyMutationCtx): Promise<TransactionLimits> {
  const metrics = await meta.getTransactionMetrics();
  const limits: TransactionLimits = {};
  for (const name of Object.keys(FAILURE) as (keyof typeof FAILURE)[]) {
    limits[name] = Math.max(metrics[name].remaining - FAILURE[name], 0);
  }
  return limits;
}
