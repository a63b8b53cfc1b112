import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";

export const customerTotalsTable = viewTable({
  key: { customer: v.string() },
  value: { orders: v.number(), amount: v.number() },
});

export const customerTotals = defineView("customerTotals", {
  table: customerTotalsTable,
  window: { seconds: 1 },
  compute: async (ctx: GenericQueryCtx<GenericDataModel>, { customer }) => {
    const orders = await ctx.db
      .query("orders")
      .withIndex("by_customer", (q) => q.eq("customer", customer))
      .collect();
    return { orders: orders.length, amount: orders.reduce((sum, { amount }) => sum + Number(amount), 0) };
  },
});
