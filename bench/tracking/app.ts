import {
  type DataModelFromSchemaDefinition,
  defineSchema,
  defineTable,
  type GenericMutationCtx,
  type GenericQueryCtx,
  httpRouter,
  makeFunctionReference,
  mutationGeneric,
  queryGeneric,
  type TransactionMetrics,
} from "convex/server";
import { v } from "convex/values";
import { defineView, type EffectCtx, LazyViews, lazyTables, viewTable } from "convex-lazy-views";
import { convexTest } from "convex-test";

const airportStatsTable = viewTable({
  key: { airport: v.string() },
  value: { flights: v.number(), delay: v.number() },
});

const schema = defineSchema({
  flights: defineTable({ origin: v.string(), destination: v.string(), delay: v.number() })
    .index("by_origin", ["origin"])
    .index("by_destination", ["destination"]),
  notes: defineTable({ text: v.string() }),
  airportStats: airportStatsTable,
  ...lazyTables,
});

type DataModel = DataModelFromSchemaDefinition<typeof schema>;
type QueryCtx = GenericQueryCtx<DataModel>;
export type MutationCtx = GenericMutationCtx<DataModel> & EffectCtx;
type Key = { airport: string };
type Flight = { origin: string; destination: string; delay: number };

/** Departures and arrivals of an airport: two ranges. */
async function sumUp(ctx: QueryCtx, { airport }: Key) {
  const departures = await ctx.db
    .query("flights")
    .withIndex("by_origin", (q) => q.eq("origin", airport))
    .collect();
  const arrivals = await ctx.db
    .query("flights")
    .withIndex("by_destination", (q) => q.eq("destination", airport))
    .collect();
  const all = [...departures, ...arrivals];
  return { flights: all.length, delay: all.reduce((sum, { delay }) => sum + delay, 0) };
}

const sources = {
  flights: ({ origin, destination }: Flight) => [{ airport: origin }, { airport: destination }],
};

const tracked = { table: airportStatsTable, compute: sumUp };

/** The rollup of flights, with its sources declared, or tracked. */
const FORMS = { declared: { ...tracked, sources }, tracked };

export type Form = keyof typeof FORMS;

/** The documents and ranges of a transaction, as Convex counts them. */
export type Taken = [read: number, written: number, ranges: number];

/** The app with the view in a form, under convex-test. */
export function startFlights(form: Form) {
  process.env.LAZY_VIEWS_SECRET = "0123456789abcdef0123456789abcdef";
  process.env.LAZY_VIEWS_STREAM_SECRET = "the stream's own secret";
  const airportStats = defineView("airportStats", FORMS[form]);
  const lazy = new LazyViews<DataModel>({ module: "lazy", views: { airportStats } });
  // The body of the functions `app:*`, set for one call at a time.
  let body: (ctx: never) => Promise<unknown> = async () => null;
  const handler = async (ctx: { meta: Pick<QueryCtx["meta"], "getTransactionMetrics"> }) => {
    const result = (await body(ctx as never)) ?? null;
    return { result, metrics: await ctx.meta.getTransactionMetrics() };
  };
  const http = httpRouter();
  lazy.registerRoutes(http);
  const modules = {
    lazy: lazy.functions(),
    http: { default: http },
    app: {
      query: lazy.query(queryGeneric)({ args: {}, handler }),
      mutation: lazy.mutation(mutationGeneric)({ args: {}, handler }),
    },
    "_generated/api": {},
  };
  const t = convexTest({
    schema,
    modules: Object.fromEntries(
      Object.entries(modules).map(([name, exports]) => [`./${name}.ts`, async () => exports]),
    ),
  });
  const run = async (kind: "query" | "mutation", own: (ctx: never) => Promise<unknown>) => {
    body = own;
    const call = t[kind] as (reference: unknown) => Promise<{ result: unknown; metrics: TransactionMetrics }>;
    const { metrics, result } = await call(makeFunctionReference(`app:${kind}`));
    const taken: Taken = [metrics.documentsRead.used, metrics.documentsWritten.used, metrics.databaseQueries.used];
    return { result, taken };
  };
  return {
    view: airportStats,
    query: (own: (ctx: QueryCtx & EffectCtx) => Promise<unknown>) => run("query", own),
    mutation: (own: (ctx: MutationCtx) => Promise<unknown>) => run("mutation", own),
  };
}
