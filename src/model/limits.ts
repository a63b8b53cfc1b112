import type { TransactionLimits } from "convex/server";
import type { AnyMutationCtx, AnyQueryCtx } from "../schema.js";

/** Whether a transaction has less left than this. */
export async function isShortOf({ meta }: AnyQueryCtx, needed: TransactionLimits): Promise<boolean> {
  const metrics = await meta.getTransactionMetrics();
  return Object.entries(needed).some(([name, amount]) => metrics[name as keyof TransactionLimits].remaining < amount);
}

/** Whether so little is left to read that work which can go on in another transaction stops. */
export function isNearlyOut(ctx: AnyQueryCtx): Promise<boolean> {
  return isShortOf(ctx, { bytesRead: 4 << 20, documentsRead: 4_000, databaseQueries: 500 });
}

/**
 * Shares what is left to read among so many parts of equal right, this one included. Returns what says whether one more
 * item, as large as those that this part has read are on average, exceeds its share.
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

/** Whether a mutation has looked up so much that an index range for each key may be too many: it reads whole tables. */
export const isShortOfRanges = (ctx: AnyQueryCtx): Promise<boolean> => isShortOf(ctx, { databaseQueries: 3_000 });

/**
 * Whether a mutation lacks room to dispatch so many effects: for what each of them takes at most, and then for a hundred
 * jobs to which others are handed on, as those of the documents that a migration handles one by one.
 */
export function isShortOfRoom(ctx: AnyMutationCtx, count: number): Promise<boolean> {
  return isShortOf(ctx, {
    functionsScheduled: count + 110,
    databaseQueries: 10 * count + 100,
    documentsWritten: 4 * count + 10,
    bytesWritten: 4 << 20,
  });
}

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
export async function limitsWithReserve({ meta }: AnyMutationCtx): Promise<TransactionLimits> {
  const metrics = await meta.getTransactionMetrics();
  const entries = Object.entries(RESERVE) as [keyof typeof RESERVE, number][];
  return Object.fromEntries(entries.map(([name, kept]) => [name, Math.max(metrics[name].remaining - kept, 0)]));
}
