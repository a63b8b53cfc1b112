import { defineTable, type GenericDataModel, type GenericQueryCtx } from "convex/server";
import { v } from "convex/values";
import { type Duration, defineView, type Staleness, type View, viewTable } from "convex-lazy-views";
import type { Mode } from "../src/model/definition.js";
import { type AppOptions, startTestApp, type TestApp } from "./testApp.js";

/** The table of the view that most tests use: the number of items in a list, and their sum. */
export const totalsTable = viewTable({
  key: { list: v.string() },
  value: { count: v.number(), sum: v.number() },
});
export type Key = { list: string };
export type Totals = { count: number; sum: number };
type Item = { list: string; n: number };

export const tables = {
  items: defineTable({ list: v.string(), n: v.number() }).index("by_list", ["list"]),
  notes: defineTable({ text: v.string() }),
  totals: totalsTable,
};

export async function total(ctx: GenericQueryCtx<GenericDataModel>, { list }: Key): Promise<Totals> {
  const items = (await ctx.db
    .query("items")
    .withIndex("by_list", (q) => q.eq("list", list))
    .collect()) as unknown as Item[];
  return { count: items.length, sum: items.reduce((sum, item) => sum + item.n, 0) };
}

export interface TotalsOptions {
  staleWhen?: Staleness<Key, Totals>;
  version?: number;
  compatible?: number[];
  expiredWhen?: Staleness<Key, Totals>;
  tags?: (key: Key) => string[];
  lease?: Duration;
  evictAfter?: Duration;
  maxParallel?: number;
  applyChange?: (value: Totals, change: { before: Item | null; after: Item | null }) => unknown;
  /** Default: each item invalidates the totals of its list. */
  sources?: Record<never, never>;
  /** Default: "null", so that all values come from rows. */
  onMissing?: "null" | "compute";
  mode?: Mode;
  timeout?: Duration;
  compute?: (ctx: GenericQueryCtx<GenericDataModel>, key: Key) => Totals | Promise<Totals>;
}

export function totalsView(options: TotalsOptions = {}): View<Key, Totals, unknown> {
  return defineView("totals", {
    table: totalsTable,
    sources: { items: (item: Item) => [{ list: item.list }] },
    window: { seconds: 10 },
    onMissing: "null",
    compute: total,
    ...(options as object),
  });
}

/** An app with the view `totals` over the table `items`. */
export function startTotals(options: TotalsOptions = {}, app: AppOptions = {}) {
  const totals = totalsView(options);
  return { ...startTestApp({ tables, views: { totals }, ...app }), totals };
}

/** Copies the one row of an app to the lists "1", "2" and so on, until there are `count` rows. */
export async function copyRow({ t, rows }: Pick<TestApp, "t" | "rows">, count: number) {
  const [first] = await rows("totals");
  await t.run(async (ctx) => {
    const { _id, _creationTime, ...row } = first as Record<string, unknown>;
    for (let i = 1; i < count; i++) {
      const args = { list: String(i) };
      await ctx.db.insert("totals", { ...row, key: JSON.stringify(args), args });
    }
  });
}

/** A mutation's body: adds an item to a list. */
export const add = (list: string, n: number) => async (ctx: { db: object }) => {
  const { insert } = ctx.db as { insert: (table: string, doc: Item) => Promise<string> };
  return await insert("items", { list, n });
};
