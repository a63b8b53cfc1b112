import { v } from "convex/values";
import { customerTotals } from "./customerTotals";
import { mutation, query } from "./lazy";

export const total = query({
  args: { customer: v.string() },
  handler: async (ctx, { customer }) => await customerTotals.get(ctx, { customer }),
});

export const add = mutation({
  args: { customer: v.string(), amount: v.number() },
  handler: async (ctx, order) => {
    await ctx.db.insert("orders", order);
  },
});
