import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { effectsOf, LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";
import {
  type MutationCtx,
  action as rawAction,
  internalMutation as rawInternalMutation,
  mutation as rawMutation,
  query as rawQuery,
} from "./_generated/server";
import { googleDrive } from "./authz/googleDrive";
import { grants, watchTuples } from "./authz/grants";
import { accountUsage } from "./quota/accountUsage";
import { airportStats } from "./rollups/airportStats";
import { flightDelays, networkStats } from "./rollups/networkStats";
import { movieSearch } from "./search/movieSearch";
import { docViews } from "./tracking/docViews";

/** The one place that wires the library to the app. */
export const lazy = new LazyViews<DataModel>({
  module: "lazy",
  // Your app needs one of these. This app has all three, because its demo and its tests run with each.
  transports: ["logStream", "logTail", "client"],
  views: { accountUsage, airportStats, docViews, grants, movieSearch, networkStats },
});

/** The app's own triggers: wrap the library's builders with them. */
const triggers = new Triggers<DataModel>();
triggers.register("flights", flightDelays.trigger());
watchTuples(triggers, googleDrive, (ctx, tag) => lazy.invalidateTag(ctx, tag));
const withTriggers = customCtx((ctx: MutationCtx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) }));

export const { recompute, dispatch, sweep, inspect, heartbeat, tail, forward } = lazy.functions();
export const query = lazy.query(rawQuery);
export const mutation = customMutation(lazy.mutation(rawMutation), withTriggers);
export const internalMutation = customMutation(lazy.mutation(rawInternalMutation), withTriggers);
export const action = lazy.action(rawAction);
