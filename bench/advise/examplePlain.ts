import { v } from "convex/values";
import { mutation, query } from "../../examples/convex/_generated/server";
import { unitsUsed } from "../../examples/convex/quota/accountUsage";

/* The example app without views: each query computes its answer, and mutations only write. */

export const airport = query({
  args: { airport: v.string() },
  handler: async (ctx, { airport }) => {
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
    const flights = [...departures, ...arrivals.filter(({ origin }) => origin !== airport)];
    return { flights: flights.length, delay: flights.reduce((sum, { delay }) => sum + delay, 0) };
  },
});

export const usage = query({
  args: { account: v.id("accounts"), period: v.number() },
  handler: async (ctx, key) => ({ units: await unitsUsed(ctx, key) }),
});

export const accounts = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("accounts").collect()).map(({ _id }) => _id),
});

export const addFlight = mutation({
  args: { origin: v.string(), destination: v.string(), delay: v.number() },
  handler: async (ctx, flight) => {
    await ctx.db.insert("flights", { ...flight, date: "2001-01-01", distance: 0 });
  },
});

export const use = mutation({
  args: { account: v.id("accounts"), period: v.number(), units: v.number() },
  handler: async (ctx, event) => {
    await ctx.db.insert("usageEvents", event);
  },
});

/** Flights between the airports, and accounts with events. */
export const load = mutation({
  args: {
    flights: v.array(v.object({ origin: v.string(), destination: v.string(), delay: v.number() })),
    accounts: v.number(),
    events: v.number(),
  },
  handler: async (ctx, { flights, accounts, events }) => {
    for (const flight of flights) await ctx.db.insert("flights", { ...flight, date: "2001-01-01", distance: 0 });
    for (let i = 0; i < accounts; i++) {
      const account = await ctx.db.insert("accounts", { name: `account ${i}`, limit: 1e9, period: 1 });
      for (let n = 0; n < events + 7 * i; n++) await ctx.db.insert("usageEvents", { account, period: 1, units: n });
    }
  },
});
