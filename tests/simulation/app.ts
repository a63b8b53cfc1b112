import {
  defineSchema,
  defineTable,
  type FunctionReference,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  httpRouter,
  makeFunctionReference,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import {
  anyOf,
  defineView,
  invalidated,
  LazyViews,
  lazyTables,
  olderThan,
  type View,
  viewTable,
} from "convex-lazy-views";
import type { Transport } from "../../src/model/app.js";
import { PART_TABLES, type Part, type Reads, trackedViews } from "./trackedViews.js";
import type { Release } from "./upgrade.js";

/** The library's code that the app's pages run in their browsers. */
export { SubscribedQueries } from "../../src/client/subscribedQueries.js";

/**
 * What makes rows out of date.
 * - `sources`: the items that a mutation writes.
 * - `tags`: the tags of the groups, which every mutation that writes items invalidates.
 * - `expired`: the items; an outdated value must not be served.
 * - `computed`: as `expired`, and readers get the result of `compute` instead.
 * - `aged`: the row's age alone.
 * - `both`: the items, or the row's age.
 * - `applied`: the items; a write updates the row with `applyChange`, where it can.
 * - `applied and aged`: as `applied`, or the row's age.
 */
export const GUARDS = [
  "sources",
  "tags",
  "expired",
  "computed",
  "aged",
  "both",
  "applied",
  "applied and aged",
] as const;
export type Guard = (typeof GUARDS)[number];

/** Where values are computed. */
export const MODES = ["transaction", "snapshot", "action", "paged"] as const;
export type Mode = (typeof MODES)[number];

/** One version of the app's code. */
export interface Deployment {
  guard: Guard;
  mode: Mode;
  /** What compute reads, in an app whose views are tracked; undefined in one that declares sources. */
  reads?: Reads | undefined;
  /** Whether the bounds on dependencies are low: two rows share a dependency, and a row has two on a table. */
  isCrowded?: boolean | undefined;
  /** Whether rows that readers ask for are recomputed by the writes that make them out of date. */
  isLeased: boolean;
  /** Whether one recompute runs at a time. */
  isLimited: boolean;
  /** Whether rows are deleted when no reader asks for them. */
  isEvicting: boolean;
  version: 1 | 2;
  /** How effects leave queries. */
  transports: readonly Transport[];
  /** The older release of the library that it runs, with the app of that time; undefined for the current one. */
  release?: Release | undefined;
  /** Whether version 2 serves the rows of version 1 until they are recomputed. */
  isCompatible: boolean;
}

/** The age at which rows are stale, in the guards `aged` and `both`. */
export const AGE_MS = 30_000;
export const WINDOW_MS = 10_000;
/** The window of the effect with `trailing` that refreshes raise: long, so that some histories raise it again inside. */
export const NOTED_WINDOW_MS = 60_000;
/** How long the app's actions may take, and how long its leases last. */
const TIMEOUT_MS = 20_000;
const LEASE_MS = 60_000;
/** What renumbering an item adds to its number. */
export const HIGHER = 100;
/** How long a row stays after its last reader. */
export const EVICT_AFTER_MS = 60_000;

export type Item = { list: string; color: string; n: number };
type Key = { group: string };
/** The numbers of all items of a group, in order, and the version of the code that computed them. */
type Value = { ns: number[]; version: number };

const groupsTable = viewTable({
  key: { group: v.string() },
  value: { ns: v.array(v.number()), version: v.number() },
});

export const schema = defineSchema({
  items: defineTable({ list: v.string(), color: v.string(), n: v.number() })
    .index("by_list", ["list"])
    .index("by_color", ["color"])
    .index("by_n", ["n"])
    .index("by_list_n", ["list", "n"])
    .index("by_color_n", ["color", "n"]),
  boxes: defineTable({ item: v.id("items"), color: v.string() })
    .index("by_color", ["color"])
    .index("by_item", ["item"]),
  groups: groupsTable,
  ...PART_TABLES,
  ...lazyTables,
});

type QueryCtx = GenericQueryCtx<GenericDataModel>;
type MutationCtx = GenericMutationCtx<GenericDataModel>;

/** An item is in the group of its list and in that of its color. */
const groupsOf = ({ list, color }: Item): Key[] => [{ group: list }, { group: color }];

function view(
  { guard, mode, reads, isLeased, isLimited, isEvicting, version, isCompatible }: Deployment,
  tracked: object,
): View<Key, Value, unknown> {
  const sources = { items: groupsOf };
  const options = {
    sources: { sources },
    tags: { sources: {}, tags: ({ group }: Key) => ["all", `group:${group}`] },
    expired: { sources, expiredWhen: invalidated<Key, Value>() },
    computed: {
      sources,
      expiredWhen: invalidated<Key, Value>(),
      onMissing: "compute" as const,
    },
    aged: { staleWhen: olderThan<Key, Value>({ milliseconds: AGE_MS }) },
    both: {
      sources,
      staleWhen: anyOf<Key, Value>(invalidated(), olderThan({ milliseconds: AGE_MS })),
    },
    applied: { sources, applyChange },
    "applied and aged": {
      sources,
      applyChange,
      staleWhen: anyOf<Key, Value>(invalidated(), olderThan({ milliseconds: AGE_MS })),
    },
  }[guard];
  const timeout = { milliseconds: TIMEOUT_MS };
  const inQuery = {
    compute: async (ctx: QueryCtx, key: Key) => ({ ns: await numbersOf(ctx, key), version }),
  };
  const inAction = {
    timeout,
    compute: async (ctx: GenericActionCtx<GenericDataModel>, key: Key) => {
      const numbers = makeFunctionReference<"query", Key, number[]>("app:numbers");
      return { ns: await ctx.runQuery(numbers, key), version };
    },
  };
  const byPages = {
    timeout,
    page: pageOf,
    initial: () => [],
    reduce: (ns: number[], n: number) => [...ns, n],
    finish: (ns: number[]) => ({ ns: ns.sort((a, b) => a - b), version }),
  };
  const computing = { transaction: inQuery, snapshot: inQuery, action: inAction, paged: byPages }[mode];
  return defineView("groups", {
    table: groupsTable,
    version,
    compatible: isCompatible && version === 2 ? [1] : [],
    window: { milliseconds: WINDOW_MS },
    ...(isLeased ? { lease: { milliseconds: LEASE_MS } } : {}),
    ...(isLimited ? { maxParallel: 1 } : {}),
    ...(isEvicting ? { evictAfter: { milliseconds: EVICT_AFTER_MS } } : {}),
    onMissing: "null",
    ...options,
    mode,
    ...(computing as object),
    ...(reads !== undefined && { sources: undefined, ...tracked }),
  } as never);
}

/** The numbers after a change; undefined when the change removes a number that is not there. */
function applyChange(
  { ns, version }: Value,
  { before, after }: { before: Item | null; after: Item | null },
): Value | undefined {
  if (before !== null && !ns.includes(before.n)) return undefined;
  const kept = before === null ? ns : ns.filter((n) => n !== before.n);
  const next = after === null ? kept : [...kept, after.n];
  return { ns: next.sort((a, b) => a - b), version };
}

/** The numbers of a group's items, in order. Throws while computing is broken. */
async function numbersOf(ctx: QueryCtx, { group }: Key): Promise<number[]> {
  if (process.env.BROKEN !== undefined) throw new Error("broken");
  const ns: number[] = [];
  for (const [index, field] of INDEXES) {
    const query = ctx.db.query("items").withIndex(index, (q) => q.eq(field, group as never));
    for await (const item of query) ns.push((item as unknown as Item).n);
  }
  return ns.sort((a, b) => a - b);
}

/** The indexes that a group's items are in, one after the other. */
const INDEXES = [
  ["by_list", "list"],
  ["by_color", "color"],
] as const;
/** Small pages, so that a run has several. */
const PAGE_ITEMS = 2;

/** A page of a group's numbers. Its cursor holds the next index, and the item after which it goes on. */
async function pageOf(ctx: QueryCtx, { group }: Key, { cursor }: { cursor: string | null }) {
  if (process.env.BROKEN !== undefined) throw new Error("broken");
  const [at, after] = cursor === null ? [0, 0] : (JSON.parse(cursor) as [number, number]);
  const [index, field] = INDEXES[at] as (typeof INDEXES)[number];
  const items = (await ctx.db
    .query("items")
    .withIndex(index, (q) => {
      const own = q.eq(field, group as never) as unknown as typeof q;
      return own.gt("_creationTime", after as never);
    })
    .take(PAGE_ITEMS)) as unknown as (Item & { _creationTime: number })[];
  const isIndexDone = items.length < PAGE_ITEMS;
  return {
    page: items.map(({ n }) => n),
    isDone: isIndexDone && at === INDEXES.length - 1,
    continueCursor: JSON.stringify(isIndexDone ? [at + 1, 0] : [at, items.at(-1)?._creationTime]),
  };
}

/** The app's functions in a deployment. */
export function deploy(deployment: Deployment) {
  const tracked = trackedViews(deployment);
  const groups = view(deployment, tracked.options);
  const parts: Partial<typeof tracked.views> = deployment.reads === undefined ? {} : tracked.views;
  const lazy = new LazyViews<GenericDataModel>({
    module: "lazy",
    transports: [...deployment.transports],
    views: { groups, ...parts } as never,
  });
  const http = httpRouter();
  lazy.registerRoutes(http);
  const mutation = lazy.mutation(mutationGeneric);
  const group = { group: v.string() };

  const touch = async (ctx: MutationCtx, ...items: Item[]) => {
    if (deployment.guard !== "tags") return;
    const names = new Set(items.flatMap(groupsOf).map((key) => key.group));
    for (const name of names) await lazy.invalidateTag(ctx, `group:${name}`);
  };
  const add = async (ctx: MutationCtx, item: Item) => {
    const id = await ctx.db.insert("items", item);
    if (deployment.reads === "ids") await ctx.db.insert("boxes", { item: id, color: item.color } as never);
    await touch(ctx, item);
  };
  const find = async (ctx: MutationCtx, n: number) => {
    const query = ctx.db.query("items").withIndex("by_n", (q) => q.eq("n", n as never));
    return (await query.first()) as unknown as (Item & { _id: never }) | null;
  };
  /** Changes an item in place, or replaces its document: adds `HIGHER`, an even amount, to its number or subtracts it. */
  const renumber = async (ctx: MutationCtx, n: number) => {
    const found = (await find(ctx, n)) ?? (await find(ctx, n + HIGHER));
    if (found === null) return;
    const { list, color } = found;
    const next = { list, color, n: found.n === n ? n + HIGHER : n };
    if (deployment.reads !== "ids") return await ctx.db.replace("items", found._id, next as never);
    const box = await ctx.db
      .query("boxes")
      .withIndex("by_item", (q) => q.eq("item", found._id as never))
      .first();
    await ctx.db.delete("items", found._id);
    const item = await ctx.db.insert("items", next);
    if (box !== null) await ctx.db.patch("boxes", box._id as never, { item } as never);
  };
  const item = { list: v.string(), color: v.string(), n: v.number() };
  const notedReference = makeFunctionReference<"mutation">("app:noted");
  const addReference = makeFunctionReference<"mutation">("app:add") as FunctionReference<"mutation", "public">;

  const app = {
    read: lazy.query(queryGeneric)({
      args: group,
      handler: async (ctx, key) => await groups.read(ctx, key),
    }),
    numbers: queryGeneric({ args: group, handler: numbersOf }),
    add: mutation({ args: item, handler: add }),
    /** A write without the library, as by the dashboard or a plain mutation. */
    addRaw: mutationGeneric({ args: item, handler: add as never }),
    move: mutation({
      args: { n: v.number(), list: v.string() },
      handler: async (ctx, { n, list }) => {
        const found = await find(ctx, n);
        if (found === null) return;
        await ctx.db.patch("items", found._id, { list } as never);
        await touch(ctx, found, { ...found, list });
      },
    }),
    remove: mutation({
      args: { n: v.number() },
      handler: async (ctx, { n }) => {
        const found = await find(ctx, n);
        if (found === null) return;
        await ctx.db.delete("items", found._id);
        await touch(ctx, found);
      },
    }),
    /** Adds two items at once. */
    addBoth: mutation({
      args: { first: v.object(item), second: v.object(item) },
      handler: async (ctx, { first, second }) => {
        await Promise.all([add(ctx, first), add(ctx, second)]);
      },
    }),
    /** Adds two items, one after the other, and awaits neither. */
    addUnawaited: mutation({
      args: { first: v.object(item), second: v.object(item) },
      handler: async (ctx, { first, second }) => {
        void add(ctx, first).then(async () => {
          await ctx.db.query("items").first();
          await add(ctx, second);
        });
      },
    }),
    /** Adds an item in a sub-transaction that may be rolled back, and another one after it. */
    addNested: mutation({
      args: { first: v.object(item), second: v.object(item), rollBack: v.boolean() },
      handler: async (ctx, { first, second, rollBack }) => {
        const reference = rollBack ? makeFunctionReference<"mutation">("app:addAndThrow") : addReference;
        await ctx.runMutation(reference, first).catch(() => {});
        await add(ctx, second);
      },
    }),
    addAndThrow: mutation({
      args: item,
      handler: async (ctx, args) => {
        await add(ctx, args);
        throw new Error("rolled back");
      },
    }),
    refresh: mutation({
      args: group,
      handler: async (ctx, key) => {
        await groups.refresh(ctx, key);
        ctx.scheduleEffect(notedReference, {}, { window: { milliseconds: NOTED_WINDOW_MS }, trailing: true });
      },
    }),
    /** Adds an item, then refreshes, in place or in a sub-transaction, while another item is added. */
    addAround: mutation({
      args: { ...group, first: v.object(item), second: v.object(item), isNested: v.boolean() },
      handler: async (ctx, { first, second, group, isNested }) => {
        await add(ctx, first);
        if (isNested) {
          await ctx.runMutation(makeFunctionReference<"mutation">("app:refresh"), { group });
          await add(ctx, second);
        } else await Promise.all([groups.refresh(ctx, { group }), add(ctx, second)]);
      },
    }),
    evict: mutation({
      args: group,
      handler: async (ctx, key) => {
        await groups.evict(ctx, key);
      },
    }),
    invalidate: mutation({
      args: group,
      handler: async (ctx, key) => await groups.invalidate(ctx, key),
    }),
    renumber: mutation({ args: { n: v.number() }, handler: (ctx, { n }) => renumber(ctx, n) }),
    /** A reader of a view under `groups`. */
    readPart: lazy.query(queryGeneric)({
      args: { ...group, part: v.string() },
      handler: async (ctx, { part, group }) => await parts[part as Part]?.read(ctx, { group }),
    }),
    changePart: mutation({
      args: { ...group, part: v.string(), how: v.string() },
      handler: async (ctx, { part, how, group }) => {
        await parts[part as Part]?.[how as "refresh" | "evict" | "invalidate"](ctx, { group });
      },
    }),
    noted: mutationGeneric({ args: {}, handler: async () => null }),
  };
  const modules = { app, lazy: lazy.functions() };
  const functions = Object.entries(modules).flatMap(([module, exports]) =>
    Object.entries(exports).map(([name, registered]) => [`${module}:${name}`, registered] as const),
  );
  return { functions: Object.fromEntries(functions), http };
}
