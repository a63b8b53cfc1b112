import {
  type ActionBuilder,
  actionGeneric,
  type GenericMutationCtx,
  type GenericQueryCtx,
  internalMutationGeneric,
  type MutationBuilder,
  makeFunctionReference,
  mutationGeneric,
  type QueryBuilder,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import type { DataModel } from "./schema";

export type QueryCtx = GenericQueryCtx<DataModel>;
export type MutationCtx = GenericMutationCtx<DataModel>;
export type Key = { key: string };
export type Totals = { count: number; sum: number };

export const query = queryGeneric as QueryBuilder<DataModel, "public">;
export const mutation = mutationGeneric as MutationBuilder<DataModel, "public">;
export const internalMutation = internalMutationGeneric as MutationBuilder<DataModel, "internal">;
export const action = actionGeneric as ActionBuilder<DataModel, "public">;

export const keyArgs = { key: v.string() };

/** The value that every strategy must serve, computed from all items of a key. */
export async function sumUp(ctx: QueryCtx, { key }: Key): Promise<Totals> {
  const items = await ctx.db
    .query("items")
    .withIndex("by_key", (q) => q.eq("key", key))
    .collect();
  return { count: items.length, sum: items.reduce((sum, { amount }) => sum + amount, 0) };
}

export async function newestOf(ctx: QueryCtx, { key }: Key) {
  return await ctx.db
    .query("items")
    .withIndex("by_key_updated", (q) => q.eq("key", key))
    .order("desc")
    .first();
}

/** The progress of a key's preparation, which reads the items loaded at the start page by page. */
export const soFar = {
  cursor: v.optional(v.string()),
  count: v.optional(v.number()),
  sum: v.optional(v.number()),
};

const PAGE = 100;

export async function pageOf(ctx: QueryCtx, { key }: Key, cursor: string | null) {
  return await ctx.db
    .query("items")
    .withIndex("by_key", (q) => q.eq("key", key))
    .paginate({ cursor, numItems: PAGE });
}

/** Schedules the preparation's next page. */
export async function prepareOn(ctx: MutationCtx, progress: Key & { cursor: string } & Partial<Totals>): Promise<void> {
  const prepare = makeFunctionReference<"mutation">("app:prepare");
  await ctx.scheduler.runAfter(0, prepare, progress);
}

/** The mutations that write the source: the same in every strategy, made with the strategy's own builder. */
export function writing(build: MutationBuilder<DataModel, "public">) {
  const args = { ...keyArgs, amount: v.number() };
  return {
    /** Adds an item. */
    add: build({
      args,
      handler: async (ctx, item) => {
        await ctx.db.insert("items", { ...item, updatedAt: Date.now() });
      },
    }),
    /** Adds to the amount of the key's newest item. */
    correct: build({
      args,
      handler: async (ctx, { key, amount }) => {
        const item = await newestOf(ctx, { key });
        if (item === null) throw new Error(`key "${key}" has no item to correct.`);
        const change = { amount: item.amount + amount, updatedAt: Date.now() };
        await ctx.db.patch("items", item._id, change);
      },
    }),
  };
}
