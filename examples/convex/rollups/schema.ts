import { defineTable } from "convex/server";
import { v } from "convex/values";
import { airportStatsTable, networkStatsTable } from "./viewTables";

export const rollupsTables = {
  flights: defineTable({
    date: v.string(),
    /** Minutes; negative when early. */
    delay: v.number(),
    /** Miles. */
    distance: v.number(),
    origin: v.string(),
    destination: v.string(),
  })
    .index("by_origin", ["origin"])
    .index("by_destination", ["destination"]),

  airports: defineTable({
    code: v.string(),
    name: v.string(),
    city: v.string(),
    /** 0 for the busiest. */
    rank: v.number(),
  }).index("by_rank", ["rank"]),

  airportStats: airportStatsTable,
  networkStats: networkStatsTable,
};
