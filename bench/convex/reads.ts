import { v } from "convex/values";
import { query as rawQuery } from "./_generated/server";
import { mutation, query } from "./lazy";
import { sumUp, totals, watchedTotals } from "./totals";

/** One read, as a page of the app would do it. */
export const total = query({
  args: { group: v.string() },
  handler: async (ctx, { group }) => await totals.get(ctx, { group }),
});

/** The bare read of the same row. */
export const bareTotal = rawQuery({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    const key = JSON.stringify({ group });
    const row = await ctx.db
      .query("totals")
      .withIndex("by_key", (q) => q.eq("key", key))
      .unique();
    return row?.value ?? null;
  },
});

/** The query that many clients subscribe to. */
export const watched = query({
  args: { group: v.string() },
  handler: async (ctx, { group }) => await watchedTotals.get(ctx, { group }),
});

/** One read, with the metrics of its transaction. */
export const measured = query({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    const value = await totals.get(ctx, { group });
    return { value, metrics: await ctx.meta.getTransactionMetrics() };
  },
});

/** The same in a mutation, where a faulty read could write. */
export const measuredInMutation = mutation({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    const value = await totals.get(ctx, { group });
    return { value, metrics: await ctx.meta.getTransactionMetrics() };
  },
});

/** The same value without a view. */
export const measuredWithoutView = rawQuery({
  args: { group: v.string() },
  handler: async (ctx, { group }) => {
    const value = await sumUp(ctx, group);
    return { value, metrics: await ctx.meta.getTransactionMetrics() };
  },
});

/**
 * Times `view.get` and the bare read of the same row, in turns, so that a slow phase of the process slows both. The
 * order changes from round to round, since the second of two finds warmer caches.
 *
 * @returns For each round the mean time of one read, in milliseconds.
 */
export const timed = query({
  args: { group: v.string(), rounds: v.number(), readsPerRound: v.number() },
  handler: async (ctx, { group, rounds, readsPerRound }) => {
    const row = await ctx.db.query("totals").first();
    if (row === null) throw new Error("there is no row to read; refresh one first.");
    const bareRead = () =>
      ctx.db
        .query("totals")
        .withIndex("by_key", (q) => q.eq("key", row.key))
        .unique();
    const viewRead = () => totals.get(ctx, { group });
    const time = async (read: () => Promise<unknown>) => {
      const start = performance.now();
      for (let i = 0; i < readsPerRound; i++) await read();
      return (performance.now() - start) / readsPerRound;
    };

    const timings: { bareMs: number; viewMs: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      if (round % 2 === 0) {
        const bareMs = await time(bareRead);
        timings.push({ bareMs, viewMs: await time(viewRead) });
      } else {
        const viewMs = await time(viewRead);
        timings.push({ bareMs: await time(bareRead), viewMs });
      }
    }
    return timings;
  },
});
