import { v } from "convex/values";
import { mutation as rawMutation } from "../../examples/convex/_generated/server";
import { lazy, query } from "../../examples/convex/lazy";
import { accountUsage } from "../../examples/convex/quota/accountUsage";
import { airportStats } from "../../examples/convex/rollups/airportStats";

/* The app of `examplePlain.ts`, with the views of the example app in place of its queries. */

/** The example app's trigger for its aggregate is left out: the app without views has none. */
const mutation = lazy.mutation(rawMutation);

export const airport = query({
  args: { airport: v.string() },
  handler: async (ctx, key) => await airportStats.get(ctx, key),
});

export const usage = query({
  args: { account: v.id("accounts"), period: v.number() },
  handler: async (ctx, key) => await accountUsage.get(ctx, key),
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
