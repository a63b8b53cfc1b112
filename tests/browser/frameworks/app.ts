import {
  type DataModelFromSchemaDefinition,
  defineSchema,
  defineTable,
  type GenericQueryCtx,
  httpRouter,
  type MutationBuilder,
  mutationGeneric,
  type QueryBuilder,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { defineView, LazyViews, lazyTables, viewTable } from "convex-lazy-views";
import { type Backend, startBackend } from "../../../examples/backend";

/* The app of the quick start, whose query says how fresh its row is. */

const airportStatsTable = viewTable({
  key: { airport: v.string() },
  value: { flights: v.number(), meanDelay: v.number() },
});

const schema = defineSchema({
  flights: defineTable({ origin: v.string(), delay: v.number() }).index("by_origin", ["origin"]),
  airportStats: airportStatsTable,
  ...lazyTables,
});
type DataModel = DataModelFromSchemaDefinition<typeof schema>;

const airportStats = defineView("airportStats", {
  table: airportStatsTable,
  window: { milliseconds: 1 },
  compute: async (ctx: GenericQueryCtx<DataModel>, { airport }) => {
    const flights = await ctx.db
      .query("flights")
      .withIndex("by_origin", (q) => q.eq("origin", airport))
      .collect();
    const minutes = flights.reduce((sum, flight) => sum + flight.delay, 0);
    return { flights: flights.length, meanDelay: flights.length && minutes / flights.length };
  },
});

/** The interval of the log stream's deliveries. */
const INTERVAL_MS = 50;

const SECRET = "0123456789abcdef0123456789abcdef";
const STREAM_SECRET = `${SECRET} of the stream`;

/** Starts the app on a backend that has this transport alone. */
export async function startAirports(transport: "logStream" | "client"): Promise<Backend<typeof schema>> {
  const lazy = new LazyViews<DataModel>({ module: "lazy", views: { airportStats }, transports: [transport] });
  const query = lazy.query(queryGeneric as QueryBuilder<DataModel, "public">);
  const mutation = lazy.mutation(mutationGeneric as MutationBuilder<DataModel, "public">);
  const dashboard = {
    stats: query({
      args: { airport: v.string() },
      handler: async (ctx, { airport }) => await airportStats.read(ctx, { airport }),
    }),
    addFlight: mutation({
      args: { origin: v.string(), delay: v.number() },
      handler: async (ctx, flight) => {
        await ctx.db.insert("flights", flight);
      },
    }),
  };
  const http = httpRouter();
  lazy.registerRoutes(http);
  const modules = { "_generated/api": {}, lazy: lazy.functions(), dashboard, http: { default: http } };
  return await startBackend({
    schema,
    modules: Object.fromEntries(
      Object.entries(modules).map(([name, exports]) => [`./${name}.ts`, async () => exports]),
    ),
    env: {
      LAZY_VIEWS_SECRET: SECRET,
      ...(transport === "logStream" && { LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET }),
    },
    ...(transport === "logStream" && {
      logStream: { path: "/lazy-views/effects", secret: STREAM_SECRET, intervalMs: INTERVAL_MS },
    }),
  });
}
