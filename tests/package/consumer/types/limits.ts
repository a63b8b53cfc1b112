import { v } from "convex/values";
import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
import { defineView, viewTable, when } from "convex-lazy-views";
import type { QueryCtx } from "../convex/_generated/server";
import { airportStats } from "../convex/airportStats";
import { query } from "../convex/lazy";

/*
 * Limits of today's TypeScript: what it does not infer or does not refuse, each with what to write instead. A case
 * that no longer holds fails to compile; then move it to the file of working cases.
 */
const table = viewTable({
  key: { airport: v.string() },
  value: { flights: v.number(), size: v.union(v.literal("small"), v.literal("large")) },
});

export const limits = [
  // TypeScript does not infer a predicate's parameter from its view: annotate it.
  defineView("airports", {
    table,
    // @ts-expect-error `row.value` is unknown
    staleWhen: when((row) => row.value.flights > 0),
    compute: () => ({ flights: 1, size: "small" as const }),
  }),
  defineView("airports", {
    table,
    staleWhen: when((row: { value: { flights: number } }) => row.value.flights > 0),
    compute: () => ({ flights: 1, size: "small" as const }),
  }),

  // A literal that `compute` returns is widened, unless TypeScript infers a parameter of `compute`.
  defineView("airports", {
    table,
    // @ts-expect-error `size` is a string
    compute: async () => ({ flights: 1, size: "small" }),
  }),
  defineView("airports", {
    table,
    compute: async (_ctx: QueryCtx, { airport }) => ({ flights: airport.length, size: "small" }),
  }),
];

// `customQuery` types its ctx as Convex's own: the customization passes the effects on, with `effectsOf(ctx)`.
const customized = customQuery(
  query,
  customCtx(() => ({ user: "me" })),
);
export const custom = customized(async (ctx) => {
  // @ts-expect-error there is no `scheduleEffect`
  return await airportStats.get(ctx, { airport: ctx.user });
});
