import { defineTable } from "convex/server";
import { v } from "convex/values";
import { accountUsageTable } from "./viewTables";

export const quotaTables = {
  accounts: defineTable({
    name: v.string(),
    /** Units that may be used in one period. */
    limit: v.number(),
    /** The period that is counted, from 1; unlocking begins the next one. */
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
