import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { effectsOf, LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";
import {
  type MutationCtx,
  action as rawAction,
  internalMutation as rawInternalMutation,
  internalQuery as rawInternalQuery,
  mutation as rawMutation,
  query as rawQuery,
} from "./_generated/server";
import { airportStats } from "./airportStats";
import { movieSearch } from "./movieSearch";

export const lazy = new LazyViews<DataModel>({
  module: "lazy",
  views: { airportStats, movieSearch },
});

export const { recompute, dispatch, sweep, inspect, heartbeat } = lazy.functions();

export const query = lazy.query(rawQuery);
export const internalQuery = lazy.query(rawInternalQuery);
export const action = lazy.action(rawAction);

/** The app's own triggers, on top of the library's builders. */
const triggers = new Triggers<DataModel>();
triggers.register("flights", async (ctx, { operation }) => {
  await ctx.db.insert("audits", { table: "flights", operation });
});
const withTriggers = customCtx((ctx: MutationCtx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) }));
export const mutation = customMutation(lazy.mutation(rawMutation), withTriggers);
export const internalMutation = customMutation(lazy.mutation(rawInternalMutation), withTriggers);

/** Custom functions of convex-helpers on top of the library's builders. They pass the effects on. */
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
