import { LazyViews } from "convex-lazy-views";
import type { DataModel } from "./_generated/dataModel";
import { mutation as rawMutation, query as rawQuery } from "./_generated/server";
import { totals, watchedTotals } from "./totals";

export const lazy = new LazyViews<DataModel>({
  module: "lazy",
  views: { totals, watchedTotals },
  transports: ["logStream", "client"],
});

export const { recompute, dispatch, sweep, inspect, heartbeat, forward } = lazy.functions();
export const query = lazy.query(rawQuery);
export const mutation = lazy.mutation(rawMutation);
