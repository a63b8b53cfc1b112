import { v } from "convex/values";
import { viewTable } from "convex-lazy-views";

// Tables and views are in separate files, so that the schema's bundle has no compute and no aggregate.

/** Flights of one airport, summed up. */
export const airportStatsTable = viewTable({
  key: { airport: v.string() },
  value: {
    flights: v.number(),
    /** Minutes. */
    meanDelay: v.number(),
    /** The share of flights that are less than 15 minutes late, from 0 to 1. */
    onTimeShare: v.number(),
    /** Flights by delay in minutes; null is an open end. */
    histogram: v.array(
      v.object({
        from: v.union(v.number(), v.null()),
        to: v.union(v.number(), v.null()),
        flights: v.number(),
      }),
    ),
    /** The busiest routes. `airport` is the other end. */
    routes: v.array(v.object({ airport: v.string(), flights: v.number(), meanDelay: v.number() })),
  },
});

const minutes = v.union(v.number(), v.null());

/** The whole network, summed up: one row, whose key has no fields. */
export const networkStatsTable = viewTable({
  key: {},
  value: { flights: v.number(), meanDelay: minutes, median: minutes, p95: minutes, worst: minutes },
});
