import type { GenericDataModel, GenericQueryCtx, IndexRange } from "convex/server";
import { v } from "convex/values";
import { defineView, type View, viewTable } from "convex-lazy-views";
import type { Deployment, Item } from "./app.js";

/*
 * Views whose reads are tracked, and views over views. The value of `groups` is always the numbers of all items of a
 * group, in whatever way and in how many steps it is read. So each change of an item must reach the row.
 */

/**
 * What the compute of a group reads.
 * - `prefixes`: the items of the group in two indexes.
 * - `bounds`: the same, in adjacent ranges.
 * - `steps`: item by item, each with a range that begins after the item before.
 * - `tables`: all items, in adjacent ranges, or in one range.
 * - `ids`: items by their ids, which are in boxes.
 * - `over tracked`, `over applied`: two views, which are tracked, or have sources and `applyChange`.
 * - `declared over tracked`: two tracked views, whose tables are the declared sources of `groups`.
 * - `diamond`: two views over a third.
 * - `rows`: the rows of two views, where they exist.
 */
export const READS = [
  "prefixes",
  "bounds",
  "steps",
  "tables",
  "ids",
  "over tracked",
  "over applied",
  "declared over tracked",
  "diamond",
  "rows",
] as const;
export type Reads = (typeof READS)[number];

/** The views under `groups`: of the items of a list, of a color, of both, and of those with even or odd numbers. */
export const PARTS = ["lists", "colors", "both", "evens", "odds"] as const;
export type Part = (typeof PARTS)[number];
export type ViewName = "groups" | Part;

/** The views under `groups` for these reads; a view comes after those that it reads. */
export function viewsUnder(reads: Reads | undefined): readonly Part[] {
  if (reads === "diamond") return ["both", "evens", "odds"];
  return reads?.includes("over") || reads === "rows" ? ["lists", "colors"] : [];
}

/** Whether a view reads other views. If so, its version is always 1; otherwise it is the deployment's. */
export function isOver({ reads }: Deployment, view: ViewName): boolean {
  return view === "groups" ? viewsUnder(reads).length > 0 : view === "evens" || view === "odds";
}

export function versionOf(deployment: Deployment, view: ViewName): number {
  return isOver(deployment, view) ? 1 : deployment.version;
}

/** Whether a view's row records its dependencies. */
export function isRecorded({ reads }: Deployment, view: ViewName): boolean {
  return reads !== undefined && (view === "groups" || reads !== "over applied");
}

type Ctx = GenericQueryCtx<GenericDataModel>;
type Key = { group: string };
type Value = { ns: number[]; version: number };
type Over = Record<Part, View<Key, Value, unknown>>;

const partTable = () =>
  viewTable({ key: { group: v.string() }, value: { ns: v.array(v.number()), version: v.number() } }).index("by_group", [
    "args.group",
  ]);
export const PART_TABLES = {
  lists: partTable(),
  colors: partTable(),
  both: partTable(),
  evens: partTable(),
  odds: partTable(),
};

/** Whether each row depends only on items of its own group, as with declared sources. */
export function isExact({ reads, isCrowded }: Deployment): boolean {
  return !isCrowded && (reads === undefined || !["tables", "ids", "rows"].includes(reads));
}

/** Adjacent ranges: each number is in one of them. */
const RANGES: readonly ((range: AnyRange) => AnyRange)[] = [
  (range) => range.lt("n", 2),
  (range) => range.gte("n", 2).lte("n", 4),
  (range) => range.gt("n", 4).lt("n", 6),
  (range) => range.gte("n", 6),
];

/** The options of a tracked `groups`, and the views under it. */
export function trackedViews(deployment: Deployment) {
  const { reads = "prefixes", version } = deployment;
  const views = {} as Over;
  const names = viewsUnder(reads);
  for (const name of names) views[name] = defineView(name, partOptions(deployment, name, views) as never) as never;
  const ofRow = ({ args }: { args: Key }) => [args];
  const sources = reads === "declared over tracked" ? { sources: { lists: ofRow, colors: ofRow } } : {};
  const over = reads === "diamond" ? (["evens", "odds"] as const) : (["lists", "colors"] as const);
  const compute = async (ctx: Ctx, key: Key): Promise<Value> => {
    if (names.length === 0) return { ns: await numbersIn(ITEMS[reads as Leaf](ctx, key)), version };
    return united(await Promise.all(over.map((name) => valueIn(ctx, views, { name, key, isRow: reads === "rows" }))));
  };
  const versions = names.length === 0 ? {} : { version: 1, compatible: [] };
  return { views, options: { ...sources, ...versions, compute } };
}

function partOptions({ reads, version }: Deployment, name: Part, views: Over) {
  const table = PART_TABLES[name];
  if (name === "evens" || name === "odds") {
    const compute = async (ctx: Ctx, key: Key) => {
      const [value] = await views.both.getMany(ctx as never, [key]);
      if (value === undefined || value === null) throw new Error("a view of the mode transaction has a value");
      return { ...value, ns: value.ns.filter((n) => n % 2 === (name === "odds" ? 1 : 0)) };
    };
    return { table, compute };
  }
  const field = name === "lists" ? "list" : "color";
  const declared = {
    sources: { items: (item: Item) => [{ group: item[field] }] },
    applyChange: ({ ns, version }: Value, { before, after }: { before: Item | null; after: Item | null }) => ({
      ns: [...ns.filter((n) => n !== before?.n), ...(after ? [after.n] : [])].sort((a, b) => a - b),
      version,
    }),
  };
  const items = (ctx: Ctx, { group }: Key) =>
    ctx.db.query("items").withIndex(`by_${field}`, (q) => ranged(q).eq(field, group));
  return {
    ...(reads === "over applied" ? declared : {}),
    table,
    version,
    compute: async (ctx: Ctx, key: Key) => {
      const found = name === "both" ? ITEMS.prefixes(ctx, key) : items(ctx, key).collect();
      return { ns: await numbersIn(found as Promise<unknown[]>), version };
    },
  };
}

/** The value of a key of another view: from its row, if that is wanted and the row exists. */
async function valueIn(
  ctx: Ctx,
  views: Over,
  { name, key, isRow }: { name: Part; key: Key; isRow: boolean },
): Promise<Value> {
  const row = isRow ? await rowIn(ctx, name, key) : undefined;
  return row?.value ?? ((await views[name].get(ctx as never, key)) as Value);
}

async function rowIn({ db }: Ctx, name: Part, { group }: Key): Promise<{ value: Value } | undefined> {
  const rows = db.query(name);
  const own = name === "lists" ? rows.withIndex("by_group", (q) => ranged(q).eq("args.group", group)) : rows;
  const found = (await own.collect()) as unknown as { args: Key; value: Value }[];
  return found.find(({ args }) => args.group === group);
}

function united(values: readonly Value[]): Value {
  return { ns: values.flatMap(({ ns }) => ns).sort((a, b) => a - b), version: values[0]?.version ?? 0 };
}

async function numbersIn(items: Promise<unknown[]>): Promise<number[]> {
  if (process.env.BROKEN !== undefined) throw new Error("broken");
  return ((await items) as Item[]).map(({ n }) => n).sort((a, b) => a - b);
}

type Leaf = "prefixes" | "bounds" | "steps" | "tables" | "ids";
const FIELDS = ["list", "color"] as const;

/** Ways to read the items of a group. */
const ITEMS: Record<Leaf, (ctx: Ctx, key: Key) => Promise<unknown[]>> = {
  prefixes: async ({ db }, { group }) => {
    const listed = await db
      .query("items")
      .withIndex("by_list", (q) => ranged(q).eq("list", group))
      .paginate({ numItems: 1_000, cursor: null });
    const colored = db.query("items").withIndex("by_color", (q) => ranged(q).eq("color", group));
    return [...listed.page, ...(await colored.collect())];
  },
  bounds: async ({ db }, { group }) => {
    const parts = FIELDS.flatMap((field) =>
      RANGES.map((within) => db.query("items").withIndex(`by_${field}_n`, (q) => within(ranged(q).eq(field, group)))),
    );
    return (await Promise.all(parts.map((part) => part.collect()))).flat();
  },
  steps: async ({ db }, { group }) => {
    const found: unknown[] = [];
    for (const [field, index, by] of STEPS) {
      for (let last = 0; ; ) {
        const range = (q: object) => ranged(q).eq(field, group).gt(by, last);
        const next = await db.query("items").withIndex(index, range).first();
        if (next === null) break;
        found.push(next);
        last = next[by] as number;
      }
    }
    return found;
  },
  tables: async ({ db }, { group }) => {
    const items = () => db.query("items");
    const inParts = RANGES.map((within) => items().withIndex("by_n", (q) => within(ranged(q))));
    const parts = group === "a" || group === "x" ? inParts : [items()];
    const all = (await Promise.all(parts.map((part) => part.collect()))).flat();
    return all.filter(({ list, color }) => list === group || color === group);
  },
  ids: async ({ db }, { group }) => {
    const boxes = db.query("boxes");
    const isColor = group === "x" || group === "y";
    const own = isColor ? boxes.withIndex("by_color", (q) => ranged(q).eq("color", group)) : boxes;
    const items = [];
    for await (const { item, color } of own) {
      // With or without the name of the table.
      items.push(color === "x" ? await db.get(item as never) : await get(db, item));
    }
    return items.filter((item) => item !== null && (item.list === group || item.color === group));
  },
};

const STEPS = [
  ["list", "by_list", "_creationTime"],
  ["color", "by_color_n", "n"],
] as const;

/** A builder of ranges for any index. */
type AnyRange = IndexRange & Record<"eq" | "gt" | "gte" | "lt" | "lte", (field: string, value: unknown) => AnyRange>;

function ranged(builder: object): AnyRange {
  return builder as AnyRange;
}

function get(db: Ctx["db"], id: unknown): Promise<Record<string, unknown> | null> {
  return (db.get as unknown as (table: string, id: unknown) => Promise<Record<string, unknown> | null>)("items", id);
}
