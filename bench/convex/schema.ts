import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { lazyTables } from "convex-lazy-views";
import { totalsTable, watchedTotalsTable } from "./totals";

export default defineSchema({
  items: defineTable({ group: v.string(), amount: v.number() }).index("by_group", ["group"]),
  totals: totalsTable,
  watchedTotals: watchedTotalsTable,
  ...lazyTables,
});
