import type { TransactionLimits } from "convex/server";
import type { AnyMutationCtx, AnyQueryCtx } from "../schema.js";

/** Whether a transaction has less room left than this. */
export async function isShortOf({ meta }: AnyQueryCtx, needed: TransactionLimits): Promise<boolean> {
  const metrics = await meta.getTransactionMetrics();
  return Object.entries(needed).some(([name, amount]) => metrics[name as keyof TransactionLimits].remaining < amount);
}

/** Whether a transaction has so little room left for reads that work stops which another transaction can go on with. */
export function isNearlyOut(ctx: AnyQueryCtx): Promise<boolean> {
  return isShortOf(ctx, { bytesRead: 4 << 20, documentsRead: 4_000, databaseQueries: 500 });
}

/**
 * Divides the room that is left for reads equally among `parts`, of which the caller is one. Returns a function of the
 * number of items that the caller has read: whether one more item, of their average size, would exceed its share.
 */
export async function shareOfReads({ meta }: AnyQueryCtx, parts: number) {
  const before = await meta.getTransactionMetrics();
  return async (itemsRead: number) => {
    const now = await meta.getTransactionMetrics();
    return (["bytesRead", "documentsRead", "databaseQueries"] as const).some((kind) => {
      const read = before[kind].remaining - now[kind].remaining;
      return read + read / itemsRead > before[kind].remaining / parts;
    });
  };
}

/** Whether a mutation has so few index ranges left that it reads whole tables, and no longer looks up each key. */
export const isShortOfRanges = (ctx: AnyQueryCtx): Promise<boolean> => isShortOf(ctx, { databaseQueries: 3_000 });

/**
 * Whether a mutation lacks room to dispatch so many effects: for the most that each of them takes, and for a hundred
 * further jobs that dispatch others. (A migration that handles documents one by one may need as many.)
 */
export function isShortOfRoom(ctx: AnyMutationCtx, count: number): Promise<boolean> {
  return isShortOf(ctx, {
    functionsScheduled: count + 110,
    databaseQueries: 10 * count + 100,
    documentsWritten: 4 * count + 10,
    bytesWritten: 4 << 20,
  });
}

/** The room that a transaction needs to remember a failure. */
const RESERVE = {
  bytesRead: 1 << 20,
  bytesWritten: 1 << 20,
  documentsRead: 100,
  documentsWritten: 100,
  databaseQueries: 50,
  functionsScheduled: 10,
  scheduledFunctionArgsBytes: 1 << 20,
};

/** The limits of a sub-transaction, such that its parent has enough room left to remember a failure. */
export async function limitsWithReserve({ meta }: AnyMutationCtx): Promise<TransactionLimits> {
  const metrics = await meta.getTransactionMetrics();
  const entries = Object.entries(RESERVE) as [keyof typeof RESERVE, number][];
  return Object.fromEntries(entries.map(([name, kept]) => [name, Math.max(metrics[name].remaining - kept, 0)]));
}
