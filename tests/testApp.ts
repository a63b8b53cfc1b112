import {
  actionGeneric,
  anyApi,
  defineSchema,
  type FunctionReference,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type GenericSchema,
  httpRouter,
  internalMutationGeneric,
  mutationGeneric,
  queryGeneric,
  type SchemaDefinition,
  type TransactionLimits,
} from "convex/server";
import { v } from "convex/values";
import { type AnyView, LazyViews, lazyTables, type Transport } from "convex-lazy-views";
import { testViews } from "convex-lazy-views/test";
import { convexTest } from "convex-test";
import { vi } from "vitest";
import type { InspectReport } from "../src/app/inspect.js";
import type { EffectCtx } from "../src/effects/collector.js";

const EFFECT_SECRET = "0123456789abcdef0123456789abcdef";
export const STREAM_SECRET = "the stream's own secret";

export type QueryCtx = GenericQueryCtx<GenericDataModel> & EffectCtx;
export type MutationCtx = GenericMutationCtx<GenericDataModel> & EffectCtx;
/** Sets the secrets and the fake time of an app, until `endTestApp`. */
export function stubEnvironment(now?: Date) {
  vi.useFakeTimers(now === undefined ? {} : { now });
  vi.stubEnv("LAZY_VIEWS_SECRET", EFFECT_SECRET);
  vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", STREAM_SECRET);
}

export interface AppOptions {
  tables?: GenericSchema;
  /** In place of `tables` together with `lazyTables`. */
  schema?: SchemaDefinition<GenericSchema, true>;
  views?: Record<string, AnyView>;
  /** More modules of the app: name → exports. */
  modules?: Record<string, Record<string, unknown>>;
  /** More modules, made with the app's builders. */
  build?: (lazy: LazyViews<GenericDataModel>) => Record<string, Record<string, unknown>>;
  module?: string;
  /** The schema does not have the library's own tables. */
  lacksLazyTables?: boolean;
  /** The library's functions that the app forgot to export. */
  forgotten?: string[];
  transports?: Transport[];
  audit?: number | false;
  /** Enforces a transaction's limits: Convex's own, replaced by these where given. Default: no limits. */
  limits?: TransactionLimits;
}

/**
 * An app under convex-test, with fake time. Its functions `run:query`, `run:mutation` and `run:action` run a function
 * of the test with the ctx that the library's builders make.
 */
export function startTestApp(options: AppOptions = {}) {
  stubEnvironment(new Date("2026-01-01T00:00:00Z"));
  const { module = "lazy", views = {}, tables = {}, forgotten = [], transports, audit } = options;
  const lazy = new LazyViews<GenericDataModel>({
    module,
    // The test's tables are not typed, so TypeScript cannot compare the views' sources with them.
    views: views as Record<string, AnyView<never>>,
    ...(transports === undefined ? {} : { transports }),
    ...(audit === undefined ? {} : { audit }),
  });
  const http = httpRouter();
  lazy.registerRoutes(http);
  const functions = lazy.functions();

  // The function that `run:*` runs: set for the duration of one call.
  let body: (ctx: never) => unknown = () => null;
  const handler = async (ctx: unknown) => (await body(ctx as never)) ?? null;
  const modules: Record<string, Record<string, unknown>> = {
    lazy: Object.fromEntries(
      Object.keys(functions)
        .filter((name) => !forgotten.includes(name))
        .map((name) => [name, functions[name as keyof typeof functions]]),
    ),
    http: { default: http },
    run: {
      query: lazy.query(queryGeneric)({ args: {}, handler }),
      mutation: lazy.mutation(mutationGeneric)({ args: {}, handler }),
      action: lazy.action(actionGeneric)({ args: {}, handler }),
    },
    "_generated/api": {},
    ...options.modules,
    ...options.build?.(lazy),
  };
  const schema =
    options.schema ??
    (defineSchema({ ...tables, ...(options.lacksLazyTables ? {} : lazyTables) }) as SchemaDefinition<
      GenericSchema,
      true
    >);
  const t = convexTest({
    schema,
    modules: Object.fromEntries(
      Object.entries(modules).map(([name, exports]) => [`./${name}.ts`, async () => exports]),
    ),
    ...(options.limits === undefined ? {} : { transactionLimits: options.limits }),
  });
  const run = async (kind: "query" | "mutation" | "action", fn: (ctx: never) => unknown) => {
    body = fn;
    const call = t[kind] as (ref: unknown) => Promise<unknown>;
    return await call(anyApi.run?.[kind]);
  };

  const testing = testViews(t, vi);

  return {
    t,
    lazy,
    query: <R>(fn: (ctx: QueryCtx) => R) => run("query", fn) as Promise<Awaited<R>>,
    mutation: <R>(fn: (ctx: MutationCtx) => R) => run("mutation", fn) as Promise<Awaited<R>>,
    action: <R>(fn: (ctx: ActionCtx) => R) => run("action", fn) as Promise<Awaited<R>>,
    /** Runs a query and collects its effects. */
    collect: <R>(fn: (ctx: QueryCtx) => R) => testing.collect(() => run("query", fn) as Promise<Awaited<R>>),
    /** Runs a query, delivers its effects, and runs everything that is scheduled within a minute. */
    async readAndSettle<R>(fn: (ctx: QueryCtx) => R) {
      const { result, messages } = await testing.collect(() => run("query", fn) as Promise<Awaited<R>>);
      await testing.deliver(messages);
      await testing.advance(60_000);
      return result;
    },
    deliver: testing.deliver,
    advance: testing.advance,
    settle: <R>(fn: (ctx: QueryCtx) => R) => testing.settle(() => run("query", fn) as Promise<Awaited<R>>),
    testing,
    /** The documents of a table. */
    rows: async (table: string): Promise<Record<string, unknown>[]> =>
      await t.run(async (ctx) => await ctx.db.query(table).collect()),
    inspect: () => t.query(anyApi.lazy?.inspect as FunctionReference<"query">) as Promise<InspectReport>,
    dispatch: (effects: unknown[]) =>
      t.mutation(anyApi.lazy?.dispatch as FunctionReference<"mutation">, { effects }) as Promise<
        Record<string, number>
      >,
    jobs: () => t.run(async (ctx) => await ctx.db.system.query("_scheduled_functions").collect()),
  };
}

export type TestApp = ReturnType<typeof startTestApp>;
type ActionCtx = EffectCtx & {
  runQuery: (ref: unknown, args?: unknown) => Promise<unknown>;
  runMutation: (ref: unknown, args?: unknown) => Promise<unknown>;
};

/** Undoes `stubEnvironment`; call it after each test. */
export function endTestApp() {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
}

/** A module with a mutation `note` that inserts its arguments into the table `notes`, and one that throws. */
export function noteTargets() {
  return {
    note: internalMutationGeneric({
      args: { text: v.string() },
      handler: async (ctx, { text }) => {
        await ctx.db.insert("notes", { text });
      },
    }),
    boom: internalMutationGeneric({
      args: {},
      handler: async () => {
        throw new Error("boom");
      },
    }),
  };
}
