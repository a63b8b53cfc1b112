import { v } from "convex/values";
import { anyOf, changed, defineView, invalidated, viewTable, when } from "convex-lazy-views";
import type { Doc } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";

/** A view whose shapes are Convex validators. */
export const airportStatsTable = viewTable({
  key: { airport: v.string() },
  value: { flights: v.number(), meanDelay: v.number(), worst: v.optional(v.id("flights")) },
});

export const airportStats = defineView("airportStats", {
  table: airportStatsTable,
  version: 2,
  compatible: [1],
  sources: {
    flights: (flight: Doc<"flights">) => [{ airport: flight.origin }, { airport: flight.destination }],
  },
  staleWhen: anyOf(
    invalidated(),
    changed(async (ctx: QueryCtx, { airport }: { airport: string }) => {
      const last = await ctx.db
        .query("flights")
        .withIndex("by_origin", (q) => q.eq("origin", airport))
        .order("desc")
        .first();
      return last?._creationTime ?? null;
    }),
    when((row: { value: { flights: number } }) => row.value.flights < 0),
  ),
  window: { seconds: 30 },
  onMissing: "null",
  compute: async (ctx: QueryCtx, { airport }) => {
    const flights = await ctx.db
      .query("flights")
      .withIndex("by_origin", (q) => q.eq("origin", airport))
      .collect();
    const [worst] = flights.toSorted((a, b) => b.delay - a.delay);
    const delay = flights.reduce((sum, flight) => sum + flight.delay, 0);
    return {
      flights: flights.length,
      meanDelay: flights.length === 0 ? 0 : delay / flights.length,
      ...(worst === undefined ? {} : { worst: worst._id }),
    };
  },
});
