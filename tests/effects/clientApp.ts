import { anyApi, defineTable, type FunctionReference, type GenericDataModel, queryGeneric } from "convex/server";
import { type GenericValidator, type PropertyValidators, v } from "convex/values";
import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
import { effectsOf, type LazyViews, type Transport } from "convex-lazy-views";
import type { Envelope } from "../../src/effects/transports/envelope.js";
import { type AppOptions, type MutationCtx, noteTargets, type QueryCtx, startTestApp } from "../testApp.js";
import { type TotalsOptions, tables, totalsView } from "../totals.js";

export const notes = anyApi.notes as Record<string, FunctionReference<"mutation">>;
export const reads = anyApi.reads as Record<string, FunctionReference<"query">>;
const forwardReference = anyApi.lazy?.forward as FunctionReference<"mutation">;

/** An app with the transport `client`: queries that raise `notes:note`, and ways to call them. */
export function start(
  transports: Transport[] = ["client"],
  more: Pick<AppOptions, "build" | "limits"> = {},
  options: TotalsOptions = {},
) {
  const totals = totalsView(options);
  const app = startTestApp({
    tables: { ...tables, bodies: defineTable({ body: v.any() }) },
    views: { totals },
    transports,
    ...(more.limits && { limits: more.limits }),
    modules: { notes: noteTargets(), raw: rawQueries },
    build: (lazy) => {
      const { reads: moreReads, ...others } = more.build?.(lazy) ?? {};
      return { reads: { ...readingQueries(lazy, totals), ...moreReads }, ...others };
    },
  });
  const query = app.t.query as (reference: unknown, args: object) => Promise<unknown>;
  const call = (name: string, args: object = {}) => query(reads[name], args);
  const noted = async () => (await app.rows("notes")).map(({ text }) => text);
  return {
    ...app,
    totals,
    call,
    /** The answer to a marked call. */
    marked: (name: string, args: object = {}) =>
      call(name, { ...args, lazyViews: "client" }) as unknown as Promise<Envelope>,
    forward: (seals: string[]) => app.t.mutation(forwardReference, { seals }),
    noted,
  };
}

export const raise = (ctx: QueryCtx | MutationCtx, text: string) =>
  ctx.scheduleEffect(notes.note as never, { text } as never);

function readingQueries(lazy: LazyViews<GenericDataModel>, totals: ReturnType<typeof totalsView>) {
  const query = lazy.query(queryGeneric as never) as unknown as typeof queryGeneric;
  const define = (args?: PropertyValidators | GenericValidator, returns?: GenericValidator) =>
    query({
      ...(args === undefined ? {} : { args }),
      ...(returns === undefined ? {} : { returns }),
      handler: async (ctx: unknown, given: unknown) => {
        raise(ctx as QueryCtx, "read");
        return given;
      },
    } as never);
  const a = { a: v.optional(v.string()) };
  return {
    fields: define(a),
    object: define(v.object(a)),
    any: define(v.any()),
    none: define(),
    returning: define(a, v.object(a)),
    wronglyReturning: define(a, v.string()),
    bare: query(async (ctx: unknown) => {
      raise(ctx as QueryCtx, "read");
      return null;
    }),
    totals: query({
      args: { list: v.string() },
      handler: async (ctx, key) => await totals.get(ctx as unknown as QueryCtx, key),
    }),
    quiet: query({ args: {}, handler: async () => "nothing to do" }),
    failing: query({
      args: {},
      handler: async (ctx: unknown) => {
        raise(ctx as QueryCtx, "read");
        throw new Error("no answer");
      },
    }),
    custom: customQuery(
      query as never,
      customCtx(async (ctx) => ({ ...effectsOf(ctx), user: "anne" })),
    )({
      args: a,
      handler: async (ctx: { user: string }, given: unknown) => {
        raise(ctx as never, ctx.user);
        return given;
      },
    } as never),
    /** Runs other queries, and raises nothing itself. */
    outer: query({
      args: { name: v.string() },
      handler: async (ctx, { name }) => await ctx.runQuery(reads[name] as never),
    }),
  };
}

export const raw = anyApi.raw as Record<string, FunctionReference<"query">>;

const rawQueries = {
  strict: queryGeneric({ args: {}, handler: async () => "raw" }),
  loose: queryGeneric(async (_, args) => Object.keys(args)),
  failing: queryGeneric({
    args: {},
    handler: async () => {
      throw new Error("raw failure");
    },
  }),
  /** The body that was stored last. */
  stored: queryGeneric(async (ctx) => (await ctx.db.query("bodies").order("desc").first())?.body ?? null),
  echo: queryGeneric(async (_, args) => args),
};
