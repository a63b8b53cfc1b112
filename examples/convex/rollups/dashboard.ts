import { v } from "convex/values";
import { query } from "../lazy";
import { airportStats } from "./airportStats";
import { networkStats } from "./networkStats";

const LISTED_AIRPORTS = 12;

/** The airports to choose from, the busiest first. */
export const airports = query({
  args: {},
  handler: async (ctx) => {
    const listed = await ctx.db.query("airports").withIndex("by_rank").take(LISTED_AIRPORTS);
    return listed.map(({ code, name, city }) => ({ code, name, city }));
  },
});

/** The stored rollup of one airport, with its freshness. A stored row costs one document read. */
export const stats = query({
  args: { airport: v.string() },
  handler: async (ctx, { airport }) => await airportStats.read(ctx, { airport }),
});

/** Explains an airport's rollup: what it depends on, and which write has made it stale. */
export const why = query({
  args: { airport: v.string() },
  handler: async (ctx, { airport }) => await airportStats.explain(ctx, { airport }),
});

/** The rollup of the whole network, with its freshness. */
export const network = query({
  args: {},
  handler: async (ctx) => await networkStats.read(ctx, {}),
});
