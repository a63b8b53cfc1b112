import { defineTable } from "convex/server";
import { type Value, v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import { startTestApp } from "../testApp.js";
import type { Reader } from "./randomReads.js";

export type Doc = Record<string, Value | undefined>;

const tables = {
  docs: defineTable({ a: v.optional(v.any()), b: v.optional(v.any()), text: v.optional(v.string()) })
    .index("by_a", ["a"])
    .index("by_a_b", ["a", "b"])
    .index("by_x", ["b.x"])
    .searchIndex("by_text", { searchField: "text", filterFields: ["a"] }),
  times: defineTable({ at: v.commitTs() }).index("by_at", ["at"]),
  others: defineTable({ n: v.number() }),
};
const table = viewTable({ key: {}, value: v.any() });

/** An app with one tracked view of one key. */
export function startDocs(compute: (ctx: Reader) => Promise<unknown>) {
  const view = defineView("view", { table, compute: async (ctx: Reader) => (await compute(ctx)) ?? null });
  const app = startTestApp({ tables: { ...tables, view: table }, views: { view } });
  return {
    ...app,
    refresh: () => app.mutation((ctx) => view.refresh(ctx, {})),
    state: async () => (await app.testing.peek(view, {})).state,
    insert: (document: Doc) => app.mutation((ctx) => ctx.db.insert("docs", document as Record<string, Value>)),
  };
}

/** Convex's builder of ranges, at any step. */
type Where = { eq(field: string, value: unknown): Where; gt: Where["eq"]; gte: Where["eq"]; lt: Where["eq"] } & {
  lte: Where["eq"];
};
export const find = (index: string, range: (q: Where) => Where) => async (ctx: Reader) =>
  (
    await ctx.db
      .query("docs")
      .withIndex(index, range as never)
      .collect()
  ).map(({ _id }) => _id);
