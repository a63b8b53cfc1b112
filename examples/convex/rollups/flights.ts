import { v } from "convex/values";
import { mutation } from "../lazy";

const flight = v.object({
  date: v.string(),
  delay: v.number(),
  distance: v.number(),
  origin: v.string(),
  destination: v.string(),
});

/** Adds flights of today between two airports; the rollups of both turn stale. */
export const add = mutation({
  args: {
    origin: v.string(),
    destination: v.string(),
    delay: v.number(),
    count: v.optional(v.number()),
  },
  handler: async (ctx, { origin, destination, delay, count = 1 }) => {
    const date = new Date().toISOString();
    for (let i = 0; i < count; i++) {
      await ctx.db.insert("flights", { date, delay, distance: 0, origin, destination });
    }
    return count;
  },
});

/** Changes a flight; when it moves to another airport, the rollups of the old one and the new one turn stale. */
export const change = mutation({
  args: {
    id: v.id("flights"),
    delay: v.optional(v.number()),
    origin: v.optional(v.string()),
    destination: v.optional(v.string()),
  },
  handler: async (ctx, { id, ...changes }) => {
    await ctx.db.patch("flights", id, changes);
  },
});

/** Loads flights, a batch at a time. */
export const load = mutation({
  args: { flights: v.array(flight) },
  handler: async (ctx, { flights }) => {
    for (const document of flights) await ctx.db.insert("flights", document);
    return flights.length;
  },
});

/** Replaces the airports. The busiest comes first. */
export const loadAirports = mutation({
  args: { airports: v.array(v.object({ code: v.string(), name: v.string(), city: v.string() })) },
  handler: async (ctx, { airports }) => {
    for (const { _id } of await ctx.db.query("airports").collect()) {
      await ctx.db.delete("airports", _id);
    }
    for (const [rank, airport] of airports.entries()) {
      await ctx.db.insert("airports", { ...airport, rank });
    }
    return airports.length;
  },
});
