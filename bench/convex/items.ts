import { v } from "convex/values";
import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { api } from "./_generated/api";
import type { DataModel } from "./_generated/dataModel";
import { type MutationCtx, mutation as rawMutation } from "./_generated/server";
import { mutation } from "./lazy";
import { totals, watchedTotals } from "./totals";

/** Adds items to each group. A raw mutation: it marks no row. */
export const load = rawMutation({
  args: { groups: v.array(v.string()), itemsPerGroup: v.number() },
  handler: async (ctx, { groups, itemsPerGroup }) => {
    for (const group of groups) {
      for (let i = 0; i < itemsPerGroup; i++) await ctx.db.insert("items", { group, amount: i });
    }
  },
});

/** Computes the row of each group, so that it is fresh. */
export const refresh = mutation({
  args: { groups: v.array(v.string()) },
  handler: async (ctx, { groups }) => {
    for (const group of groups) await totals.refresh(ctx, { group });
  },
});

/** Computes the watched row of a group. */
export const refreshWatched = mutation({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    await watchedTotals.refresh(ctx, { group });
  },
});

/** Changes one item of each group, which marks its row. */
export const touch = mutation({
  args: { groups: v.array(v.string()) },
  handler: async (ctx, { groups }) => {
    for (const group of groups) await changeOne(ctx, group);
  },
});

/** Changes one item of a group, and marks the watched row. */
export const touchWatched = mutation({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    await changeOne(ctx, group);
    await watchedTotals.invalidate(ctx, { group });
  },
});

/** The write that `cleanWrite` and `staleWrite` measure, with the view's `sources` … */
export const changeWithSources = mutation({
  args: { group: v.string() },
  handler: changeAndMeasure,
});

const triggers = new Triggers<DataModel>();
triggers.register("items", async () => {});

/** … and with a trigger that does nothing, in place of the view. */
export const changeWithEmptyTrigger = customMutation(
  rawMutation,
  customCtx(triggers.wrapDB),
)({
  args: { group: v.string() },
  handler: changeAndMeasure,
});

/** … and with nothing. */
export const changeRaw = rawMutation({
  args: { group: v.string() },
  handler: changeAndMeasure,
});

/** The least that a new effect takes: its entry is looked for and written, and a function is scheduled. */
export const writeAndSchedule = rawMutation({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    await firstItem(ctx, group);
    await ctx.db.insert("items", { group: "bare", amount: 0 });
    await ctx.scheduler.runAfter(3_600_000, api.items.load, { groups: [], itemsPerGroup: 0 });
  },
});

/** The least that a repeated effect takes: a document is read. */
export const readOne = rawMutation({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    await firstItem(ctx, group);
  },
});

async function changeAndMeasure(ctx: MutationCtx, { group }: { group: string }) {
  await changeOne(ctx, group);
  return await ctx.meta.getTransactionMetrics();
}

async function changeOne(ctx: MutationCtx, group: string) {
  const item = await firstItem(ctx, group);
  if (item === null) throw new Error(`group "${group}" has no item; load some first.`);
  await ctx.db.patch("items", item._id, { amount: item.amount + 1 });
}

async function firstItem(ctx: MutationCtx, group: string) {
  return await ctx.db
    .query("items")
    .withIndex("by_group", (q) => q.eq("group", group))
    .first();
}
