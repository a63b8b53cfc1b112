import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { lazyTables } from "convex-lazy-views";
import { customerTotalsTable } from "./customerTotals";

export default defineSchema({
  orders: defineTable({ customer: v.string(), amount: v.number() }).index("by_customer", ["customer"]),
  looks: defineTable({ number: v.number() }),
  customerTotals: customerTotalsTable,
  ...lazyTables,
});
