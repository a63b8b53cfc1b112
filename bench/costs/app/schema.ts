import { type DataModelFromSchemaDefinition, defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { lazyTables, viewTable } from "convex-lazy-views";

/** The row of a lazy view: how many items a key has, and their sum. */
export const totalsTable = viewTable({
  key: { key: v.string() },
  value: { count: v.number(), sum: v.number() },
});

/** One app for all strategies: each uses the tables that it needs. */
export const schema = defineSchema({
  items: defineTable({ key: v.string(), amount: v.number(), updatedAt: v.number() })
    .index("by_key", ["key"])
    .index("by_key_updated", ["key", "updatedAt"]),
  totals: totalsTable,
  // The sums that strategies without a lazy view keep by hand.
  sums: defineTable({
    key: v.string(),
    count: v.number(),
    sum: v.number(),
    isStale: v.optional(v.boolean()),
  }).index("by_key", ["key"]),
  ...lazyTables,
});

export type DataModel = DataModelFromSchemaDefinition<typeof schema>;
