import { v } from "convex/values";
import {
  anyOf,
  defineView,
  type EffectCtx,
  invalidated,
  LazyViews,
  olderThan,
  type RowRead,
  viewTable,
} from "convex-lazy-views";
import type { DataModel, Doc, TableNames } from "../convex/_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../convex/_generated/server";
import { airportStats } from "../convex/airportStats";
import { lazy } from "../convex/lazy";
import type { Equal, Expect } from "./assert";

const table = viewTable({ key: { airport: v.string() }, value: { flights: v.number() } });

/** Rows through an index of the view's own table. */
export async function reads(ctx: QueryCtx & EffectCtx) {
  const rows = await airportStats.readRows(
    ctx,
    ctx.db.query("airportStats").withIndex("by_mean_delay").order("desc").take(3),
  );
  type Stats = { flights: number; meanDelay: number; worst?: Doc<"flights">["_id"] };
  type Got = Expect<Equal<typeof rows, RowRead<{ airport: string }, Stats>[]>>;
  // @ts-expect-error rows of another view
  await airportStats.readRows(ctx, await ctx.db.query("movieSearch").collect());
  // @ts-expect-error documents that are no rows
  await airportStats.readRows(ctx, await ctx.db.query("flights").collect());
  return null as unknown as Got;
}

/** Tags, ages, and values that must not be served. */
export const views = [
  defineView("airports", {
    table,
    tags: ({ airport }) => [`airport:${airport}`],
    staleWhen: anyOf(invalidated(), olderThan({ minutes: 10 })),
    expiredWhen: olderThan({ hours: 1 }),
    onMissing: "compute",
    compute: () => ({ flights: 1 }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error the key has no such field
    tags: ({ city }) => [city],
    compute: () => ({ flights: 1 }),
  }),
  defineView("airports", {
    table,
    // @ts-expect-error tags are strings
    tags: () => [7],
    compute: () => ({ flights: 1 }),
  }),
  // @ts-expect-error no duration
  defineView("airports", { table, staleWhen: olderThan("1h"), compute: () => ({ flights: 1 }) }),
];

export async function invalidates(ctx: MutationCtx, query: QueryCtx) {
  await lazy.invalidateTag(ctx, "airport:SFO");
  // @ts-expect-error no tag
  await lazy.invalidateTag(ctx, 7);
  // @ts-expect-error a query cannot write
  await lazy.invalidateTag(query, "airport:SFO");
}

/** What `@convex-dev/migrations` does with each document of a table. */
type MigrateOne<Table extends TableNames> = (ctx: MutationCtx, doc: Doc<Table>) => Promise<void>;

export const warming: MigrateOne<"flights"> = lazy.warmEach(airportStats, "flights");
export const warmingOrigins: MigrateOne<"flights"> = lazy.warmEach(airportStats, (flight: Doc<"flights">) => [
  { airport: flight.origin },
]);
// @ts-expect-error a field that the key does not have
export const warmingOther: MigrateOne<"flights"> = lazy.warmEach(airportStats, (_: Doc<"flights">) => [{ port: "" }]);
// @ts-expect-error documents of another table
export const warmingMovies: MigrateOne<"movies"> = lazy.warmEach(airportStats, "flights");
// @ts-expect-error no such table
export const warmingPlanes = lazy.warmEach(airportStats, "planes");

export const wired = [
  new LazyViews<DataModel>({ module: "lazy", views: {}, transports: ["logStream", "client"] }),
  // @ts-expect-error no such transport
  new LazyViews<DataModel>({ module: "lazy", views: {}, transports: ["http"] }),
];
