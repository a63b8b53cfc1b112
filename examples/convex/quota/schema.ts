import { defineTable } from "convex/server";
import { v } from "convex/values";
import { accountUsageTable } from "./viewTables";

export const quotaTables = {
  accounts: defineTable({
    name: v.string(),
    /** The units that the account may use in one period. */
    limit: v.number(),
    /** The number of the current period, from 1; `unlock` begins the next one. */
    period: v.number(),
    /** In ms since 1970. */
    lockedAt: v.optional(v.number()),
  }),

  usageEvents: defineTable({
    account: v.id("accounts"),
    period: v.number(),
    units: v.number(),
  }).index("by_account", ["account", "period"]),

  accountUsage: accountUsageTable,
};
