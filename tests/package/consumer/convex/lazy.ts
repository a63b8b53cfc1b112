import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { effectsOf, LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";
import {
  action as rawAction,
  internalMutation as rawInternalMutation,
  internalQuery as rawInternalQuery,
  mutation as rawMutation,
  query as rawQuery,
} from "./_generated/server";
import { airportStats } from "./airportStats";
import { movieSearch } from "./movieSearch";

/** The app's own triggers: the library's work beside them. */
const triggers = new Triggers<DataModel>();
triggers.register("flights", async (ctx, { operation }) => {
  await ctx.db.insert("audits", { table: "flights", operation });
});

export const lazy = new LazyViews<DataModel>({
  module: "lazy",
  views: { airportStats, movieSearch },
  triggers,
});

export const { recompute, dispatch, sweep, inspect } = lazy.functions();

export const query = lazy.query(rawQuery);
export const internalQuery = lazy.query(rawInternalQuery);
export const mutation = lazy.mutation(rawMutation);
export const internalMutation = lazy.mutation(rawInternalMutation);
export const action = lazy.action(rawAction);

/** Custom functions of convex-helpers on top of the library's; they hand the effects on. */
export const userQuery = customQuery(
  query,
  customCtx(async (ctx) => ({
    ...effectsOf(ctx),
    user: await ctx.auth.getUserIdentity(),
  })),
);
export const userMutation = customMutation(
  mutation,
  customCtx(async (ctx) => ({
    ...effectsOf(ctx),
    user: await ctx.auth.getUserIdentity(),
  })),
);
