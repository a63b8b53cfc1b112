import type { AnyQueryCtx } from "./staleness/predicate.js";

/** Work that can go on in another transaction stops when less than this is left of what one may do. */
const RESERVE = { bytesRead: 4 << 20, documentsRead: 4_000, databaseQueries: 500 };

/** Whether a transaction has read nearly all that it may. */
export async function isNearlyOut({ meta }: Pick<AnyQueryCtx, "meta">): Promise<boolean> {
  const metrics = await meta.getTransactionMetrics();
  return (Object.keys(RESERVE) as (keyof typeof RESERVE)[]).some(
    (name) => metrics[name].remaining < RESERVE[name],
  );
}
