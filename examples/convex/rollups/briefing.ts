import { v } from "convex/values";
import { api } from "../_generated/api";
import { action } from "../lazy";

/** One line about an airport, for a chat bot or a mail. A stale row is recomputed in the background. */
export const line = action({
  args: { airport: v.string() },
  handler: async (ctx, { airport }): Promise<string> => {
    const { value } = await ctx.runQuery(api.rollups.dashboard.stats, { airport });
    const onTime = Math.round(value.onTimeShare * 100);
    return `${airport}: ${value.flights} flights, ${onTime} % on time.`;
  },
});
