import { internalMutationGeneric } from "convex/server";
import { v } from "convex/values";
import { internal } from "./_generated/api";
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

/** Schedules an effect of its own for each number. */
export const look = query({
  args: { number: v.number() },
  handler: async (ctx, { number }) => {
    ctx.scheduleEffect(internal.orders.looked, { number });
  },
});

export const looked = internalMutationGeneric({
  args: { number: v.number() },
  handler: async (ctx, { number }) => {
    await ctx.db.insert("looks", { number });
  },
});

/** Computes a customer's total now. */
export const refresh = mutation({
  args: { customer: v.string() },
  handler: async (ctx, { customer }) => {
    await customerTotals.refresh(ctx, { customer });
  },
});
