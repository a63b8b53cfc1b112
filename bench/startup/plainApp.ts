import { defineTable, httpRouter } from "convex/server";
import { v } from "convex/values";
import { mutation, query } from "../convex/_generated/server";

/* The app of `lazyApp.ts` without the library: it reads the row as stored, and nothing updates the row. */

export const items = defineTable({ group: v.string(), amount: v.number() }).index("by_group", ["group"]);

export const totals = defineTable({
  key: v.string(),
  value: v.object({ items: v.number(), amount: v.number() }),
}).index("by_key", ["key"]);

export const total = query({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    const row = await ctx.db
      .query("totals")
      .withIndex("by_key", (q) => q.eq("key", JSON.stringify({ group })))
      .unique();
    return row?.value ?? null;
  },
});

export const add = mutation({
  args: { group: v.string(), amount: v.number() },
  handler: async (ctx, { group, amount }) => {
    await ctx.db.insert("items", { group, amount });
  },
});

export const http = httpRouter();
