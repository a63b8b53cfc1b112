import { defineTable, makeFunctionReference, mutationGeneric, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { type AnyView, defineView, LazyViews, type Staleness, type View, viewTable } from "convex-lazy-views";
import type { Mode } from "../../src/model/definition.js";
import { type AppOptions, type MutationCtx, type QueryCtx, startTestApp } from "../testApp.js";
import type { Reader } from "./randomReads.js";

/** The key of every view here: the name of a list. Values are numbers. */
export type Key = { list: string };
export type Item = { list: string; n: number };
export type ListView = View<Key, number, unknown>;

/** The table of each view. The views' tables differ only in their names. */
export const listTable = viewTable({ key: { list: v.string() }, value: v.number() });
const indexedTable = listTable.index("by_value", ["value"]);
export const items = defineTable({ list: v.string(), n: v.number() }).index("by_list", ["list"]);

export interface ListOptions {
  version?: number;
  mode?: Mode;
  sources?: Record<string, (document: never) => Key[]>;
  applyChange?: (value: number, change: never, key: Key) => number | undefined;
  staleWhen?: Staleness<Key, number>;
  tags?: (key: Key) => string[];
  /** Default: "null", so that all values come from rows. */
  onMissing?: "null" | "compute";
}

/** A view of lists: tracked, unless the options have `sources`. */
export function listView(
  name: string,
  compute: (ctx: QueryCtx, key: Key) => number | Promise<number>,
  options: ListOptions = {},
): ListView {
  return defineView(name, {
    table: listTable,
    window: { seconds: 10 },
    onMissing: "null",
    compute,
    ...(options as object),
  });
}

/** The items of a list. */
export async function itemsOf(ctx: Pick<Reader, "db">, list: string): Promise<(Item & { _id: string })[]> {
  const found = ctx.db.query("items").withIndex("by_list", (q) => q.eq("list", list));
  return (await found.collect()) as unknown as (Item & { _id: string })[];
}

/** The sum of the items of a list, which most views here compute, some through other views. */
export async function sumOf(ctx: Pick<Reader, "db">, list: string): Promise<number> {
  return (await itemsOf(ctx, list)).reduce((sum, { n }) => sum + n, 0);
}

/** Declares the sources of a view of sums, which is then not tracked. */
export const declared = { sources: { items: ({ list }: Item) => [{ list }] } };

/** An app with views of lists, over the table `items`. */
export function startLists(views: readonly ListView[], options: AppOptions = {}) {
  const app = startTestApp({
    ...options,
    tables: { items, ...Object.fromEntries(views.map(({ name }) => [name, indexedTable])), ...options.tables },
    views: Object.fromEntries(views.map((view) => [view.name, view])),
  });
  return {
    ...app,
    add: (list: string, n: number) => app.mutation((ctx) => ctx.db.insert("items", { list, n } satisfies Item)),
    refresh: (view: ListView, list: string) => app.mutation((ctx) => view.refresh(ctx, { list })),
    state: async (view: ListView, list: string) => (await app.testing.peek(view, { list })).state,
  };
}

/** The library in a later deployment of the same app: other views with the same names, over the same documents. */
export function nextDeployment(views: readonly AnyView[]) {
  let body: (ctx: never) => unknown = () => null;
  const handler = async (ctx: unknown) => (await body(ctx as never)) ?? null;
  /** For the option `build` of an app. */
  const build = () => {
    const named = Object.fromEntries(views.map((view) => [view.name, view as AnyView<never>]));
    const lazy = new LazyViews({ module: "next", views: named });
    return {
      next: { ...lazy.functions() },
      runNext: {
        query: lazy.query(queryGeneric)({ args: {}, handler }),
        mutation: lazy.mutation(mutationGeneric)({ args: {}, handler }),
      },
    };
  };
  const runIn = async ({ t }: ReturnType<typeof startLists>, kind: "query" | "mutation", work: typeof body) => {
    body = work;
    const call = t[kind] as (reference: unknown) => Promise<unknown>;
    return await call(makeFunctionReference(`runNext:${kind}`));
  };
  return {
    build,
    query: <R>(app: ReturnType<typeof startLists>, work: (ctx: QueryCtx) => R) =>
      runIn(app, "query", work) as Promise<Awaited<R>>,
    mutation: <R>(app: ReturnType<typeof startLists>, work: (ctx: MutationCtx) => R) =>
      runIn(app, "mutation", work) as Promise<Awaited<R>>,
  };
}
