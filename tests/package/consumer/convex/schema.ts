import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { lazyTables } from "convex-lazy-views";
import { airportStatsTable } from "./airportStats";
import { movieSearchTable } from "./movieSearch";

export default defineSchema({
  flights: defineTable({
    origin: v.string(),
    destination: v.string(),
    delay: v.number(),
  })
    .index("by_origin", ["origin"])
    .index("by_destination", ["destination"]),

  movies: defineTable({ title: v.string(), year: v.number() }).index("by_year", ["year"]),

  audits: defineTable({ table: v.string(), operation: v.string() }),

  airportStats: airportStatsTable.index("by_mean_delay", ["value.meanDelay"]),
  movieSearch: movieSearchTable.index("by_kind", ["value.kind"]),
  ...lazyTables,
});
