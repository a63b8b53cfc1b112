import { v } from "convex/values";
import { anyOf, changed, defineView, invalidated, LazyViews, viewTable, when } from "convex-lazy-views";
import type { DataModel, Doc } from "../convex/_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../convex/_generated/server";
import { airportStats, airportStatsTable } from "../convex/airportStats";

const table = viewTable({ key: { airport: v.string() }, value: { flights: v.number() } });

const compute = () => ({ flights: 1 });
const misspelt = defineView("airportStats", {
  table,
  sources: { flihgts: (flight: Doc<"flights">) => [{ airport: flight.origin }] },
  compute,
});
const mistyped = defineView("airportStats", {
  table,
  sources: { flights: (movie: Doc<"movies">) => [{ airport: movie.title }] },
  compute,
});
const unstored = defineView("airports", { table, compute });
const otherTable = viewTable({ key: { city: v.string() }, value: { flights: v.number() } });
const otherRows = defineView("airportStats", { table: otherTable, compute });
const noRows = defineView("flights", { table, compute });
const good = defineView("airportStats", {
  table: airportStatsTable,
  sources: {
    flights: (flight: Doc<"flights">) => [{ airport: flight.origin }],
    movies: (movie: Doc<"movies">) => [{ airport: movie.title }],
  },
  compute: () => ({ flights: 1, meanDelay: 0 }),
});

/** `new LazyViews` compares the sources of views with the schema. */
export const wired = [
  new LazyViews<DataModel>({ module: "lazy", views: { airportStats, good } }),
  // @ts-expect-error there is no table `flihgts`
  new LazyViews<DataModel>({ module: "lazy", views: { misspelt } }),
  // @ts-expect-error the documents of `flights` are no movies
  new LazyViews<DataModel>({ module: "lazy", views: { mistyped } }),
  // @ts-expect-error there is no table `airports`
  new LazyViews<DataModel>({ module: "lazy", views: { unstored } }),
  // @ts-expect-error the rows of `airportStats` are of another form
  new LazyViews<DataModel>({ module: "lazy", views: { otherRows } }),
  // @ts-expect-error the rows of `flights` are no view's
  new LazyViews<DataModel>({ module: "lazy", views: { noRows } }),
  // @ts-expect-error the schema does not have the library's tables
  new LazyViews<Omit<DataModel, "lazyTurns">>({ module: "lazy", views: {} }),
];

/** What must not compile in a view. */
export const misdefined = [
  defineView("airports", {
    table,
    // @ts-expect-error `compute` returns a field of the wrong type
    compute: async (_ctx: QueryCtx, { airport }) => ({ flights: airport }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error `compute` leaves a field out
    compute: () => ({}),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error the key has no such field
    compute: async (_ctx: QueryCtx, { city }) => ({ flights: city.length }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error `compute` may only read
    compute: async (_ctx: MutationCtx, { airport }) => ({ flights: airport.length }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error a source gives keys of another shape
    sources: { flights: (flight: Doc<"flights">) => [{ city: flight.origin }] },
    compute: () => ({ flights: 1 }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error a probe of another key
    staleWhen: changed((_ctx: QueryCtx, { city }: { city: string }) => city),
    compute: () => ({ flights: 1 }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error a predicate on another value, inside of a combination
    staleWhen: anyOf(
      invalidated(),
      when((row: { value: { delay: number } }) => row.value.delay > 0),
    ),
    compute: () => ({ flights: 1 }),
  }),
  // @ts-expect-error no `compute`
  defineView("airports", { table }),
  // @ts-expect-error no table of `viewTable`
  defineView("airports", { table: {}, compute: () => ({ flights: 1 }) }),
];
