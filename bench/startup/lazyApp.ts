import { defineTable, httpRouter } from "convex/server";
import { v } from "convex/values";
import { defineView, LazyViews, viewTable } from "convex-lazy-views";
import type { DataModel, Doc } from "../convex/_generated/dataModel";
import { type QueryCtx, mutation as rawMutation, query as rawQuery } from "../convex/_generated/server";

/*
 * The smallest app with a view: the code that every app with the library evaluates before each of its functions.
 * `plainApp.ts` is the same app without the library.
 */

export const items = defineTable({ group: v.string(), amount: v.number() }).index("by_group", ["group"]);

export const totalsTable = viewTable({
  key: { group: v.string() },
  value: { items: v.number(), amount: v.number() },
});

export const totals = defineView("totals", {
  table: totalsTable,
  sources: { items: (item: Doc<"items">) => [{ group: item.group }] },
  window: { minutes: 1 },
  compute: async (ctx: QueryCtx, { group }) => {
    const found = await ctx.db
      .query("items")
      .withIndex("by_group", (q) => q.eq("group", group))
      .collect();
    return { items: found.length, amount: found.reduce((sum, { amount }) => sum + amount, 0) };
  },
});

const lazy = new LazyViews<DataModel>({ module: "lazy", views: { totals } });

export const { recompute, dispatch, sweep, inspect, heartbeat } = lazy.functions();
const query = lazy.query(rawQuery);
const mutation = lazy.mutation(rawMutation);

export const total = query({
  args: { group: v.string() },
  handler: async (ctx, { group }) => await totals.get(ctx, { group }),
});

export const add = mutation({
  args: { group: v.string(), amount: v.number() },
  handler: async (ctx, { group, amount }) => {
    await ctx.db.insert("items", { group, amount });
  },
});

export const http = httpRouter();
lazy.registerRoutes(http);
