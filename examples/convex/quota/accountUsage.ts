import { defineView } from "convex-lazy-views";
import type { Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { accountUsageTable } from "./viewTables";

/** The units that an account has used in a period. `compute` reads the events, so a new event makes the row stale. */
export const accountUsage = defineView("accountUsage", {
  table: accountUsageTable,
  window: { seconds: 2 },
  compute: async (ctx: QueryCtx, key) => ({ units: await unitsUsed(ctx, key) }),
});

/** Adds up the events: the exact units, at the cost of one document for each event. */
export async function unitsUsed(
  ctx: Pick<QueryCtx, "db">,
  { account, period }: { account: Id<"accounts">; period: number },
): Promise<number> {
  const events = await ctx.db
    .query("usageEvents")
    .withIndex("by_account", (q) => q.eq("account", account).eq("period", period))
    .collect();
  return events.reduce((sum, { units }) => sum + units, 0);
}
