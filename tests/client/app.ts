import {
  type ApiFromModules,
  anyApi,
  type DataModelFromSchemaDefinition,
  defineSchema,
  defineTable,
  type FilterApi,
  type FunctionReference,
  type FunctionType,
  internalMutationGeneric,
  type MutationBuilder,
  mutationGeneric,
  paginationOptsValidator,
  type QueryBuilder,
  queryGeneric,
} from "convex/server";
import { ConvexError, v } from "convex/values";
import { defineView, LazyViews, lazyTables } from "convex-lazy-views";
import { type Key, total, totalsTable } from "../totals";

/*
 * An app with the transport `client` alone: a row becomes fresh only when a client forwards. Its module `queries` has
 * lazy queries, `plain` has queries without the library, and `made` returns answers that a test chooses.
 */

export const schema = defineSchema({
  items: defineTable({ list: v.string(), n: v.number() }).index("by_list", ["list"]),
  seen: defineTable({ list: v.string() }),
  forwards: defineTable({ seals: v.array(v.string()) }),
  totals: totalsTable,
  ...lazyTables,
});
type DataModel = DataModelFromSchemaDefinition<typeof schema>;

const rawQuery = queryGeneric as QueryBuilder<DataModel, "public">;
const rawMutation = mutationGeneric as MutationBuilder<DataModel, "public">;

const totals = defineView("totals", {
  table: totalsTable,
  sources: { items: (item: Key) => [{ list: item.list }] },
  window: { milliseconds: 1 },
  onMissing: "null",
  compute: total,
});

const lazy = new LazyViews<DataModel>({
  module: "lazy",
  views: { totals },
  transports: ["client"],
});
const query = lazy.query(rawQuery);
const mutation = lazy.mutation(rawMutation);

const queries = {
  total: query({
    args: { list: v.string() },
    returns: v.union(v.null(), v.object({ count: v.number(), sum: v.number() })),
    handler: async (ctx, { list }) => await totals.get(ctx, { list }),
  }),
  page: query({
    args: { list: v.string(), paginationOpts: paginationOptsValidator },
    handler: async (ctx, { list, paginationOpts }) => {
      ctx.scheduleEffect(internal.targets.see, { list });
      return await ctx.db
        .query("items")
        .withIndex("by_list", (q) => q.eq("list", list))
        .paginate(paginationOpts);
    },
  }),
  /** Fails while the list is empty. */
  first: query({
    args: { list: v.string() },
    handler: async (ctx, { list }) => {
      const item = await ctx.db
        .query("items")
        .withIndex("by_list", (q) => q.eq("list", list))
        .first();
      if (item === null) throw new ConvexError({ reason: "no item", list });
      return { n: item.n, total: await totals.get(ctx, { list }) };
    },
  }),
};

const plain = {
  /** Refuses the mark, and fails while the list is empty. */
  strict: rawQuery({
    args: { list: v.string() },
    handler: async (ctx, { list }) => {
      const items = await ctx.db
        .query("items")
        .withIndex("by_list", (q) => q.eq("list", list))
        .collect();
      if (list.startsWith("needed") && items.length === 0) throw new Error(`nothing in ${list}`);
      return items.map(({ n }) => n);
    },
  }),
  /** Accepts the mark, and ignores it. */
  loose: rawQuery(async (ctx, { list }: { list: string }) => {
    const items = await ctx.db
      .query("items")
      .withIndex("by_list", (q) => q.eq("list", list))
      .collect();
    return items.map(({ n }) => n);
  }),
};

const answers: unknown[] = [];

/** The arguments for which `made:answer` returns an answer. They do not contain it. */
export function answering(answer: unknown): { made: number } {
  return { made: answers.push(answer) - 1 };
}

const made = {
  answer: rawQuery(async (_ctx, { made }: { made: number }) => answers[made]),
  /** Returns its arguments. */
  echo: rawQuery(async (_ctx, args: Record<string, unknown>) => args),
  /** Counts the calls of `forward`. */
  forward: rawMutation({
    args: { seals: v.array(v.string()) },
    handler: async (ctx, { seals }) => {
      await ctx.db.insert("forwards", { seals });
    },
  }),
};

const items = {
  add: mutation({
    args: { list: v.string(), n: v.number() },
    handler: async (ctx, item) => {
      await ctx.db.insert("items", item);
    },
  }),
};

const targets = {
  see: internalMutationGeneric({
    args: { list: v.string() },
    handler: async (ctx, seen) => {
      await ctx.db.insert("seen", seen);
    },
  }),
};

type FullApi = ApiFromModules<{
  queries: typeof queries;
  plain: typeof plain;
  made: typeof made;
  items: typeof items;
  targets: typeof targets;
}>;
export const api = anyApi as unknown as FilterApi<FullApi, FunctionReference<FunctionType, "public">>;
const internal = anyApi as unknown as FilterApi<FullApi, FunctionReference<FunctionType, "internal">>;

export const modules = Object.fromEntries(
  Object.entries({
    "_generated/api": {},
    lazy: lazy.functions(),
    queries,
    plain,
    made,
    items,
    targets,
  }).map(([name, exports]) => [`./${name}.ts`, async () => exports]),
);
