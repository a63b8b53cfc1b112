import { Triggers } from "convex-helpers/server/triggers";
import { LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";
import {
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

/** Triggers of the app's own; the sources of the views join them, so one mutation wrapper runs them all. */
const triggers = new Triggers<DataModel>();
triggers.register("flights", flightDelays.trigger());
watchTuples(triggers, googleDrive, (ctx, tag) => lazy.invalidateTag(ctx, tag));

/** The one place that wires the library to the app. */
export const lazy = new LazyViews<DataModel>({
  module: "lazy",
  views: { accountUsage, airportStats, docViews, grants, movieSearch, networkStats },
  triggers,
});

export const { recompute, dispatch, sweep, inspect } = lazy.functions();
export const query = lazy.query(rawQuery);
export const mutation = lazy.mutation(rawMutation);
export const internalMutation = lazy.mutation(rawInternalMutation);
export const action = lazy.action(rawAction);
