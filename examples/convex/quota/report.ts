import { api } from "../_generated/api";
import { action } from "../lazy";

/** The accounts past their limit, for a nightly mail. The query schedules the lock of those that are still open. */
export const overages = action({
  args: {},
  handler: async (ctx): Promise<string[]> => {
    const accounts = await ctx.runQuery(api.quota.accounts.list, {});
    return accounts
      .filter(({ state }) => state !== "open")
      .map(({ name, units, limit, state }) => `${name}: ${units} of ${limit} units, ${state}`);
  },
});
