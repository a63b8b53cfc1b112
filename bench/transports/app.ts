import {
  type DataModelFromSchemaDefinition,
  defineSchema,
  defineTable,
  type GenericQueryCtx,
  httpRouter,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { defineView, LazyViews, lazyTables, viewTable } from "convex-lazy-views";
import type { Modules } from "../../examples/backend";

/* An app for every transport: the deployment's variables select one. */

const shape = { key: { group: v.string() }, value: { amount: v.number() } };
const soonTable = viewTable(shape);
const windowedTable = viewTable(shape);

export const schema = defineSchema({
  items: defineTable({ group: v.string(), amount: v.number() }).index("by_group", ["group"]),
  soon: soonTable,
  windowed: windowedTable,
  ...lazyTables,
});

type DataModel = DataModelFromSchemaDefinition<typeof schema>;

/** The amount of the group's one item. */
async function compute(ctx: GenericQueryCtx<DataModel>, { group }: { group: string }) {
  const item = await ctx.db
    .query("items")
    .withIndex("by_group", (q) => q.eq("group", group))
    .first();
  return { amount: item?.amount ?? 0 };
}

const sources = { items: ({ group }: { group: string }) => [{ group }] };

/** The window of `soon`, which ends before the bench writes again; `windowed` has the default window. */
export const WINDOW_MS = 1_000;
const soon = defineView("soon", { table: soonTable, window: { milliseconds: WINDOW_MS }, sources, compute });
const windowed = defineView("windowed", { table: windowedTable, sources, compute });

const lazy = new LazyViews<DataModel>({
  module: "lazy",
  views: { soon, windowed },
  transports: ["logStream", "logTail", "client"],
  audit: false,
});
const query = lazy.query(queryGeneric);
const mutation = lazy.mutation(mutationGeneric);
const key = { group: v.string() };

const reads = {
  soon: query({ args: key, handler: async (ctx, group) => await soon.get(ctx, group) }),
  windowed: query({ args: key, handler: async (ctx, group) => await windowed.get(ctx, group) }),
};

const items = {
  set: mutation({
    args: { ...key, amount: v.number() },
    handler: async (ctx, { group, amount }) => {
      const item = await ctx.db
        .query("items")
        .withIndex("by_group", (q) => q.eq("group", group))
        .first();
      if (item === null) await ctx.db.insert("items", { group, amount });
      else await ctx.db.patch("items", item._id, { amount });
    },
  }),
};

const http = httpRouter();
lazy.registerRoutes(http);

export const modules: Modules = {
  "./_generated/api.ts": async () => ({}),
  "./http.ts": async () => ({ default: http }),
  "./items.ts": async () => items,
  "./lazy.ts": async () => ({ ...lazy.functions() }),
  "./reads.ts": async () => reads,
};
