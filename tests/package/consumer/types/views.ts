import { v } from "convex/values";
import { anyOf, changed, defineView, invalidated, LazyViews, viewTable, when } from "convex-lazy-views";
import type { DataModel, Doc } from "../convex/_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../convex/_generated/server";

const table = viewTable({ key: { airport: v.string() }, value: { flights: v.number() } });

const compute = () => ({ flights: 1 });
const misspelt = defineView("airports", {
  table,
  sources: { flihgts: (flight: Doc<"flights">) => [{ airport: flight.origin }] },
  compute,
});
const mistyped = defineView("airports", {
  table,
  sources: { flights: (movie: Doc<"movies">) => [{ airport: movie.title }] },
  compute,
});
const good = defineView("airports", {
  table,
  sources: {
    flights: (flight: Doc<"flights">) => [{ airport: flight.origin }],
    movies: (movie: Doc<"movies">) => [{ airport: movie.title }],
  },
  compute,
});

/** `new LazyViews` compares the sources of views with the schema. */
export const wired = [
  new LazyViews<DataModel>({ module: "lazy", views: { good } }),
  // @ts-expect-error there is no table `flihgts`
  new LazyViews<DataModel>({ module: "lazy", views: { misspelt } }),
  // @ts-expect-error the documents of `flights` are no movies
  new LazyViews<DataModel>({ module: "lazy", views: { mistyped } }),
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
