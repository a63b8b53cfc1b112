import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import type { Doc } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { computations } from "./computations";

export const totalsTable = viewTable({
  key: { group: v.string() },
  value: { items: v.number(), amount: v.number() },
});

/** The items of one group, summed up. The window is longer than any run of the bench, so that none ends in it. */
export const totals = defineView("totals", {
  table: totalsTable,
  sources: { items: (item: Doc<"items">) => [{ group: item.group }] },
  window: { hours: 1 },
  compute: async (ctx: QueryCtx, { group }) => {
    computations.count++;
    return await sumUp(ctx, group);
  },
});

export const watchedTotalsTable = viewTable({
  key: { group: v.string() },
  value: { items: v.number(), amount: v.number() },
});

/** The same, with a window that ends while clients watch. Mutations invalidate its rows by hand. */
export const watchedTotals = defineView("watchedTotals", {
  table: watchedTotalsTable,
  sources: {},
  window: { seconds: 5 },
  compute: async (ctx: QueryCtx, { group }) => await sumUp(ctx, group),
});

/** What a query without a view does at each read. */
export async function sumUp(ctx: QueryCtx, group: string) {
  const items = await ctx.db
    .query("items")
    .withIndex("by_group", (q) => q.eq("group", group))
    .collect();
  return { items: items.length, amount: items.reduce((sum, { amount }) => sum + amount, 0) };
}
