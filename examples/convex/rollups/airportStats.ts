import { defineView } from "convex-lazy-views";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { airportStatsTable } from "./viewTables";

/** Flights of one airport, summed up. `compute` reads these flights, so a write to them makes the row stale. */
export const airportStats = defineView("airportStats", {
  table: airportStatsTable,
  window: { seconds: 2 },
  compute: async (ctx: QueryCtx, { airport }) => {
    const [departures, arrivals] = await Promise.all([
      ctx.db
        .query("flights")
        .withIndex("by_origin", (q) => q.eq("origin", airport))
        .collect(),
      ctx.db
        .query("flights")
        .withIndex("by_destination", (q) => q.eq("destination", airport))
        .collect(),
    ]);
    // A flight from an airport to itself is in both.
    return summarize(airport, [...departures, ...arrivals.filter(({ origin }) => origin !== airport)]);
  },
});

/** In the US, a flight is on time if it is less than 15 minutes late. */
const ON_TIME_MINUTES = 15;
const BIN_EDGES = [-15, 0, 15, 30, 60, 120];
const ROUTES = 5;

function summarize(airport: string, flights: Doc<"flights">[]) {
  const bounds = [null, ...BIN_EDGES, null];
  const histogram = bounds.slice(1).map((to, i) => ({ from: bounds[i] ?? null, to, flights: 0 }));
  const byRoute = new Map<string, { flights: number; delay: number }>();
  let delay = 0;
  let onTime = 0;
  for (const flight of flights) {
    delay += flight.delay;
    if (flight.delay < ON_TIME_MINUTES) onTime++;
    const bin = histogram.find(({ to }) => to === null || flight.delay < to);
    if (bin !== undefined) bin.flights++;
    const other = flight.origin === airport ? flight.destination : flight.origin;
    const route = byRoute.get(other) ?? { flights: 0, delay: 0 };
    byRoute.set(other, { flights: route.flights + 1, delay: route.delay + flight.delay });
  }
  const count = flights.length;
  return {
    flights: count,
    meanDelay: count === 0 ? 0 : delay / count,
    onTimeShare: count === 0 ? 0 : onTime / count,
    histogram,
    routes: [...byRoute]
      .map(([other, route]) => ({
        airport: other,
        flights: route.flights,
        meanDelay: route.delay / route.flights,
      }))
      .sort((a, b) => b.flights - a.flights || (a.airport < b.airport ? -1 : 1))
      .slice(0, ROUTES),
  };
}
