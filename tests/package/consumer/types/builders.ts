import type { FunctionArgs, FunctionReference, FunctionReturnType } from "convex/server";
import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { type EffectCtx, effectsOf, type ViewRead } from "convex-lazy-views";
import type { api, internal } from "../convex/_generated/api";
import type { DataModel, Doc, Id } from "../convex/_generated/dataModel";
import {
  type MutationCtx,
  type QueryCtx,
  internalMutation as rawInternalMutation,
  mutation as rawMutation,
  query as rawQuery,
} from "../convex/_generated/server";
import { lazy, mutation, query } from "../convex/lazy";
import type { Equal, Expect } from "./assert";

type Stats = { flights: number; meanDelay: number; worst?: Id<"flights"> };
type Functions = typeof api.dashboard;

/** Functions of the library's builders have the types that Convex's own would give them. */
export type Cases = [
  Expect<Equal<FunctionArgs<Functions["stats"]>, { airport: string }>>,
  Expect<Equal<FunctionReturnType<Functions["stats"]>, Stats | null>>,
  Expect<Equal<FunctionReturnType<Functions["compare"]>, (Stats | null)[]>>,
  Expect<Equal<FunctionReturnType<Functions["open"]>, Doc<"flights"> | null>>,
  Expect<Equal<FunctionReturnType<Functions["add"]>, Stats>>,
  Expect<Equal<FunctionReturnType<Functions["reset"]>, boolean>>,
  Expect<Equal<FunctionArgs<Functions["search"]>, { year: number }>>,
  Expect<
    Equal<
      FunctionReturnType<Functions["search"]>,
      { by: string | null; titles: string[]; state: ViewRead<unknown>["state"] }
    >
  >,
  Expect<typeof api.dashboard.stats extends FunctionReference<"query", "public"> ? true : false>,
  Expect<typeof internal.lazy.recompute extends FunctionReference<"mutation", "internal"> ? true : false>,
  Expect<Equal<"lazy" extends keyof typeof api ? true : false, false>>,
];

/** The ctx of a function can be passed to helpers. */
export const handedOn = [
  query(async (ctx) => takesQuery(ctx)),
  mutation({ args: {}, handler: async (ctx) => takesMutation(ctx) }),
  mutation({ args: {}, handler: async (ctx) => takesQuery(ctx) }),
  lazy.mutation(rawMutation)({ args: {}, handler: async (ctx) => takesMutation(ctx) }),
];
const takesQuery = (_ctx: QueryCtx & EffectCtx) => null;
const takesMutation = (_ctx: MutationCtx & EffectCtx) => null;

/** A custom function keeps the data model, also around a builder that is made in the same expression. */
export const named = customQuery(
  query,
  customCtx((ctx) => ({ db: [] as unknown as Expect<Equal<(typeof ctx)["db"], QueryCtx["db"]>> })),
);
export const nested = customQuery(
  lazy.query(rawQuery),
  customCtx((ctx) => ({ db: [] as unknown as Expect<Equal<(typeof ctx)["db"], QueryCtx["db"]>> })),
);
export const nestedMutation = customMutation(
  lazy.mutation(rawInternalMutation),
  customCtx((ctx) => ({
    db: [] as unknown as Expect<Equal<(typeof ctx)["db"], MutationCtx["db"]>>,
  })),
);

/** Triggers on top of a builder see its ctx, and so does the function. */
const triggers = new Triggers<DataModel, MutationCtx & EffectCtx>();
triggers.register("flights", async (ctx) => void takesMutation(ctx));
export const triggered = customMutation(
  lazy.mutation(rawMutation),
  customCtx((ctx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) })),
)({ args: {}, handler: async (ctx) => takesMutation(ctx) });

/** What must not compile. */
export const misbuilt = [
  // @ts-expect-error a mutation builder for queries
  lazy.query(rawMutation),
  // @ts-expect-error a query builder for mutations
  lazy.mutation(rawQuery),
  // @ts-expect-error a query writes
  query(async (ctx) => await ctx.db.insert("movies", { title: "Heat", year: 1995 })),
  // @ts-expect-error a table that does not exist
  query(async (ctx) => await ctx.db.query("planes").collect()),
];
