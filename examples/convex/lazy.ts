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
  // An app needs one. The demo and the tests run with each: what the deployment and its clients have carries the effects.
  transports: ["logStream", "logTail", "client"],
  views: { accountUsage, airportStats, docViews, grants, movieSearch, networkStats },
});

/** Triggers of the app's own go on top of the library's builders. */
const triggers = new Triggers<DataModel>();
triggers.register("flights", flightDelays.trigger());
watchTuples(triggers, googleDrive, (ctx, tag) => lazy.invalidateTag(ctx, tag));
const withTriggers = customCtx((ctx: MutationCtx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) }));

export const { recompute, dispatch, sweep, inspect, heartbeat, tail, forward } = lazy.functions();
export const query = lazy.query(rawQuery);
export const mutation = customMutation(lazy.mutation(rawMutation), withTriggers);
export const internalMutation = customMutation(lazy.mutation(rawInternalMutation), withTriggers);
export const action = lazy.action(rawAction);
