import { type GenericDataModel, mutationGeneric, queryGeneric } from "convex/server";
import { LazyViews } from "convex-lazy-views";
import { customerTotals } from "./customerTotals";

export const lazy = new LazyViews<GenericDataModel>({
  module: "lazy",
  views: { customerTotals },
  transports: ["logStream", "logTail", "client"],
});

export const { recompute, dispatch, sweep, inspect, heartbeat, tail, forward } = lazy.functions();
export const query = lazy.query(queryGeneric);
export const mutation = lazy.mutation(mutationGeneric);
