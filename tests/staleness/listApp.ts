import { anyApi, type FunctionReference, mutationGeneric } from "convex/server";
import { v } from "convex/values";
import { vi } from "vitest";
import type { MutationCtx } from "../testApp.js";
import { add, startTotals, type Totals, type TotalsOptions } from "../totals.js";

/** The key of the list that these tests use. */
export const a = { list: "a" };
export type Item = { _id: never; list: string; n: number };
export type Db = MutationCtx["db"];

/** The mutations of the module `sub`, which other mutations run. */
export const sub = {
  add: anyApi.sub?.add as FunctionReference<"mutation">,
  refresh: anyApi.sub?.refresh as FunctionReference<"mutation">,
  /** Adds an item, refreshes, and throws. */
  fail: anyApi.sub?.fail as FunctionReference<"mutation">,
};

/** Updates count and sum by the change. */
export const applyChange: TotalsOptions["applyChange"] = ({ count, sum }, { before, after }): Totals => ({
  count: count + (after ? 1 : 0) - (before ? 1 : 0),
  sum: sum + (after?.n ?? 0) - (before?.n ?? 0),
});

export const insert = (db: Db, n: number) => db.insert("items", { list: "a", n });

export const query = async (db: Db) =>
  (await db
    .query("items")
    .withIndex("by_list", (q) => q.eq("list", "a"))
    .collect()) as unknown as Item[];

/**
 * An app whose list "a" has one item, the number 1, and a fresh row that a reader asked for.
 */
export async function startList(options: TotalsOptions = {}) {
  const app = startTotals(options, {
    build: (lazy) => ({
      sub: {
        add: lazy.mutation(mutationGeneric)({
          args: { n: v.number() },
          handler: async (ctx, { n }) => void (await add("a", n)(ctx)),
        }),
        refresh: lazy.mutation(mutationGeneric)({
          args: {},
          handler: async (ctx) => void (await app.totals.refresh(ctx, a)),
        }),
        fail: lazy.mutation(mutationGeneric)({
          args: {},
          handler: async (ctx) => {
            await add("a", 100)(ctx);
            await app.totals.refresh(ctx, a);
            await add("a", 100)(ctx);
            throw new Error("on purpose");
          },
        }),
      },
    }),
  });
  const id = await app.mutation(add("a", 1));
  await app.settle((ctx) => app.totals.get(ctx, a));
  await app.advance(10_000);
  return {
    ...app,
    id: id as never,
    read: async () => (await app.collect((ctx) => app.totals.read(ctx, a))).result,
    /** The numbers of the list, in order. */
    numbers: async () => (await app.rows("items")).map(({ n }) => n as number).sort((one, two) => one - two),
  };
}

// Saved when this module loads, since tests replace it.
const { setImmediate: nextTurn } = globalThis;

/** Waits for so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => nextTurn(resolve));
}

/**
 * Makes Convex answer only in a later turn of the event loop, as it does outside of tests, until `vi.unstubAllGlobals`.
 */
export function answerLater(): void {
  const { Convex } = globalThis as unknown as { Convex: Record<string, unknown> };
  const asyncSyscall = async (...call: unknown[]) => {
    await turns(1);
    return await (Convex.asyncSyscall as (...call: unknown[]) => unknown)(...call);
  };
  vi.stubGlobal("Convex", Object.create(Convex, { asyncSyscall: { value: asyncSyscall } }));
}
