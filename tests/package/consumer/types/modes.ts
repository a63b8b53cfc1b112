import { v } from "convex/values";
import { defineView, type EffectCtx, type View, viewTable } from "convex-lazy-views";
import { api } from "../convex/_generated/api";
import type { Doc } from "../convex/_generated/dataModel";
import type { ActionCtx, QueryCtx } from "../convex/_generated/server";
import { airportStats } from "../convex/airportStats";
import type { Equal, Expect } from "./assert";

const table = viewTable({ key: { airport: v.string() }, value: { flights: v.number() } });

/** The mode of a view determines the parameters of `compute` and its result. */
export const modes = [
  defineView("airports", {
    table,
    mode: "snapshot",
    onMissing: "compute",
    compute: async (ctx: QueryCtx, { airport }) => ({
      flights: (await ctx.db.query("flights").take(airport.length)).length,
    }),
  }),
  defineView("airports", {
    table,
    mode: "action",
    timeout: { minutes: 2 },
    compute: async (ctx: ActionCtx, { airport }) => {
      const stats = await ctx.runQuery(api.dashboard.stats, { airport });
      return { flights: stats?.flights ?? 0 };
    },
  }),
  defineView("airports", {
    table,
    mode: "paged",
    page: (ctx: QueryCtx, { airport }, paginationOpts) =>
      ctx.db
        .query("flights")
        .withIndex("by_origin", (q) => q.eq("origin", airport))
        .paginate(paginationOpts),
    initial: () => ({ seen: 0 }),
    reduce: ({ seen }, flight) => {
      const given: Expect<Equal<typeof flight, Doc<"flights">>> = true;
      return { seen: seen + (given ? 1 : 0) };
    },
    finish: ({ seen }) => ({ flights: seen }),
  }),
];

/** A view over another view: `compute` reads the other view as a query does. */
export const overAnother = defineView("airports", {
  table,
  compute: async (ctx: QueryCtx & EffectCtx, { airport }) => {
    const stats = await airportStats.get(ctx, { airport });
    const departures = ctx.db.query("flights").withIndex("by_origin", (q) => q.eq("origin", airport));
    return { flights: stats?.flights ?? (await departures.collect()).length };
  },
});

const compute = () => ({ flights: 1 });
const byDefault = defineView("airports", { table, compute });
const inSnapshot = defineView("airports", { table, mode: "snapshot", compute });
const computed = defineView("airports", { table, onMissing: "compute", compute });
const orNull = defineView("airports", { table, onMissing: "null", compute });
const inAction = defineView("airports", { table, mode: "action", compute });
const inActionOrNull = defineView("airports", { table, mode: "action", onMissing: "null", compute });
const either = defineView("airports", { table, onMissing: "null" as "null" | "compute", compute });
type Value = { flights: number };
type Got<V extends { get: (...args: never) => unknown }> = Awaited<ReturnType<V["get"]>>;
type Many<V extends { getMany: (...args: never) => unknown }> = Awaited<ReturnType<V["getMany"]>>;

/** When a query computes missing values, readers never get null. */
export type FirstReads = [
  Expect<Equal<Got<typeof byDefault>, Value>>,
  Expect<Equal<Many<typeof byDefault>, Value[]>>,
  Expect<Equal<Got<typeof inSnapshot>, Value>>,
  Expect<Equal<Got<typeof computed>, Value>>,
  Expect<Equal<Got<typeof orNull>, Value | null>>,
  Expect<Equal<Many<typeof orNull>, (Value | null)[]>>,
  Expect<Equal<Got<typeof inAction>, Value | null>>,
  Expect<Equal<Got<typeof inActionOrNull>, Value | null>>,
  Expect<Equal<Got<typeof either>, Value | null>>,
];

/** A function of any view with these types. */
export async function firstFlights(view: View<{ airport: string }, Value, unknown>, ctx: QueryCtx & EffectCtx) {
  const value = await view.get(ctx, { airport: "SFO" });
  type Any = Expect<Equal<typeof value, Value | null>>;
  return (value?.flights ?? 0) as unknown as Any;
}
export const passed = [byDefault, orNull, inAction, either].map((view) => firstFlights.bind(null, view));

/** What must not compile. */
export const misdefined = [
  defineView("airports", {
    table,
    mode: "action",
    // @ts-expect-error a query cannot run actions
    onMissing: "compute",
    compute: async () => ({ flights: 1 }),
  }),
  // @ts-expect-error no such mode
  defineView("airports", { table, mode: "fast", compute: () => ({ flights: 1 }) }),
  // @ts-expect-error `compute` in place of pages
  defineView("airports", { table, mode: "paged", compute: () => ({ flights: 1 }) }),
  defineView("airports", {
    table,
    mode: "paged",
    page: (ctx: QueryCtx, _key, paginationOpts) => ctx.db.query("flights").paginate(paginationOpts),
    initial: () => 0,
    reduce: (count) => count + 1,
    // @ts-expect-error the value has another form
    finish: (count) => count,
  }),
];
