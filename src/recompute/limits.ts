import type { GenericDataModel, GenericMutationCtx, TransactionLimits } from "convex/server";

/** What a transaction must have left to remember a failure. */
const RESERVE = {
  bytesRead: 1 << 20,
  bytesWritten: 1 << 20,
  documentsRead: 100,
  documentsWritten: 100,
  databaseQueries: 50,
  functionsScheduled: 10,
  scheduledFunctionArgsBytes: 1 << 20,
};

/** The limits of a sub-transaction that leaves its parent enough to remember a failure. */
export async function limitsWithReserve(
  ctx: GenericMutationCtx<GenericDataModel>,
): Promise<TransactionLimits> {
  const metrics = await ctx.meta.getTransactionMetrics();
  const limits: TransactionLimits = {};
  for (const name of Object.keys(RESERVE) as (keyof typeof RESERVE)[]) {
    limits[name] = Math.max(metrics[name].remaining - RESERVE[name], 0);
  }
  return limits;
}
