import { v } from "convex/values";
import { api, internal } from "./_generated/api";
import { airportStats } from "./airportStats";
import { action, mutation, query, userMutation, userQuery } from "./lazy";
import { movieSearch } from "./movieSearch";

export const stats = query({
  args: { airport: v.string() },
  handler: async (ctx, { airport }) => await airportStats.get(ctx, { airport }),
});

export const compare = query({
  args: { airports: v.array(v.string()) },
  handler: async (ctx, { airports }) =>
    await airportStats.getMany(
      ctx,
      airports.map((airport) => ({ airport })),
    ),
});

export const late = query({
  args: { over: v.number() },
  handler: async (ctx, { over }) => {
    const rows = await ctx.db
      .query("airportStats")
      .withIndex("by_mean_delay", (q) => q.gt("value.meanDelay", over))
      .collect();
    return rows.map(({ args, value }) => ({ airport: args.airport, meanDelay: value.meanDelay }));
  },
});

export const open = query({
  args: { flight: v.id("flights") },
  handler: async (ctx, { flight }) => {
    ctx.scheduleEffect(internal.tracking.viewed, { flight }, { window: { minutes: 5 } });
    ctx.scheduleEffect(api.tracking.ping);
    return await ctx.db.get("flights", flight);
  },
});

export const search = userQuery({
  args: { year: v.number() },
  handler: async (ctx, { year }) => {
    const { value, state } = await movieSearch.read(ctx, { year });
    return { by: ctx.user?.name ?? null, titles: value?.titles ?? [], state };
  },
});

export const add = mutation({
  args: { origin: v.string(), destination: v.string(), delay: v.number() },
  handler: async (ctx, flight) => {
    const id = await ctx.db.insert("flights", flight);
    ctx.scheduleEffect(internal.tracking.viewed, { flight: id, by: "add" }, { key: flight.origin });
    return await airportStats.refresh(ctx, { airport: flight.origin });
  },
});

export const reset = userMutation({
  args: { airport: v.string() },
  handler: async (ctx, { airport }) => {
    await airportStats.invalidate(ctx, { airport });
    return await airportStats.evict(ctx, { airport });
  },
});

export const notify = action({
  args: {},
  handler: async (ctx): Promise<number> => {
    ctx.scheduleEffect(api.tracking.ping, {}, { window: { hours: 1 } });
    const rows = await ctx.runQuery(api.dashboard.late, { over: 15 });
    return rows.length;
  },
});
