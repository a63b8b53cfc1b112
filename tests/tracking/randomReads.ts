import { defineTable, type GenericDataModel, type GenericQueryCtx } from "convex/server";
import { v } from "convex/values";
import fc from "fast-check";

export type Reader = GenericQueryCtx<GenericDataModel>;

const fields = {
  a: v.optional(v.string()),
  b: v.optional(v.union(v.number(), v.int64(), v.null(), v.array(v.number()))),
  c: v.optional(v.object({ d: v.optional(v.string()) })),
  /** The id of another document. */
  ref: v.optional(v.string()),
  text: v.string(),
};
export type Doc = { a?: unknown; b?: unknown; c?: unknown; ref?: unknown; text: unknown };

/** Two tables with the same fields and different indexes. */
export const documentTables = {
  docs: defineTable(fields)
    .index("by_a", ["a"])
    .index("by_a_b", ["a", "b"])
    .index("by_b_a", ["b", "a"])
    .index("by_d_b", ["c.d", "b"])
    .searchIndex("by_text", { searchField: "text", filterFields: ["a", "c.d"] }),
  others: defineTable(fields).index("by_b", ["b"]).index("by_d_a_b", ["c.d", "a", "b"]),
};
export const TABLES = ["docs", "docs", "others"] as const;
const INDEXES: [table: string, index: string, fields: string[]][] = [
  ["docs", "by_a", ["a"]],
  ["docs", "by_a_b", ["a", "b"]],
  ["docs", "by_b_a", ["b", "a"]],
  ["docs", "by_d_b", ["c.d", "b"]],
  ["docs", "by_creation_time", []],
  ["others", "by_b", ["b"]],
  ["others", "by_d_a_b", ["c.d", "a", "b"]],
];

/** How many documents exist before any row is computed. Computes use the ids and times of only these. */
export const FIRST_DOCUMENTS = 12;
export const documentNumber = fc.nat({ max: FIRST_DOCUMENTS - 1 });

export const A = fc.constantFrom(undefined, "x", "y");
export const B = fc.constantFrom(undefined, null, 0, -0, 1, 2, 3, 1n, [], [1, 2]);
export const TEXT = fc.constantFrom("red", "red green", "green");

/** What the computes know of the first documents. */
export interface Known {
  ids: string[];
  /** In ms since 1970. */
  creationTimes: number[];
}

/** A bound of a field: a value, or, for `_creationTime`, the number of the document that has this time. */
type Bound = [method: string, value: unknown];
type End = "collect" | "first" | "take" | "unique" | "iterate" | "filter" | "paginate";
interface Range {
  do: "range";
  table: string;
  index: string;
  equals: [field: string, value: unknown][];
  /** The index field after those. */
  field: string;
  lower: Bound | undefined;
  upper: Bound | undefined;
  order: "asc" | "desc";
  end: End;
  /** Whether the document that the first result refers to is read as well. */
  follows: boolean;
}
/** One thing that a compute does. */
export type Read =
  | Range
  | { do: "get" | "follow"; document: number; isNamed: boolean }
  | { do: "whole table"; table: string; end: End }
  | { do: "search"; text: string; filters: [field: string, value: unknown][] };

const isNamed = fc.boolean();
const end = fc.constantFrom<End[]>("collect", "first", "take", "unique", "iterate", "filter");

function fieldValue(field: string): fc.Arbitrary<unknown> {
  if (field === "b") return B;
  return field === "_creationTime" ? documentNumber : A;
}

function bound(field: string, ...methods: string[]): fc.Arbitrary<Bound | undefined> {
  return fc.option(fc.tuple(fc.constantFrom(...methods), fieldValue(field)), { nil: undefined });
}

function range(ends: fc.Arbitrary<End>): fc.Arbitrary<Range> {
  return fc.constantFrom(...INDEXES).chain(([table, index, indexed]) => {
    const all = [...indexed, "_creationTime"];
    return fc.nat({ max: indexed.length }).chain((count) => {
      const field = all[count] ?? "";
      return fc.record({
        do: fc.constant("range" as const),
        table: fc.constant(table),
        index: fc.constant(index),
        equals: fc.tuple(...all.slice(0, count).map((each) => fc.tuple(fc.constant(each), fieldValue(each)))),
        field: fc.constant(field),
        lower: bound(field, "gt", "gte"),
        upper: bound(field, "lt", "lte"),
        order: fc.constantFrom<("asc" | "desc")[]>("asc", "desc"),
        end: ends,
        follows: fc.boolean(),
      });
    });
  });
}

const read: fc.Arbitrary<Read> = fc.oneof(
  { weight: 6, arbitrary: range(end) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("get" as const), document: documentNumber, isNamed }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("follow" as const), document: documentNumber, isNamed }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("whole table" as const), table: fc.constantFrom(...TABLES), end }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("search" as const),
      text: fc.constantFrom("red", "green"),
      filters: fc.subarray(["a", "c.d"]).chain((some) => {
        return fc.tuple(...some.map((field) => fc.tuple(fc.constant(field), A)));
      }),
    }),
  },
);

/** What a compute does. Convex lets a function paginate once, so only one program does, once. */
export const program = fc.array(read, { minLength: 1, maxLength: 3 });
export const pagedProgram = fc.tuple(range(fc.constant<End>("paginate"))) as fc.Arbitrary<Read[]>;

/** Convex's builders of ranges and filters, at any step. */
interface Builder {
  [method: string]: (field: string, value: unknown) => Builder;
}

/** Runs a program, and returns all results. */
export async function perform(ctx: Reader, program: readonly Read[], known: Known): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const read of program) found.push(await performRead(ctx, read, known));
  return found;
}

async function performRead(ctx: Reader, read: Read, known: Known): Promise<unknown> {
  switch (read.do) {
    case "get":
      return await getById(ctx, known.ids[read.document], read.isNamed);
    case "follow": {
      const path: unknown[] = [];
      let id: unknown = known.ids[read.document];
      for (let i = 0; i < 3 && id !== undefined; i++) {
        const document = await getById(ctx, id, read.isNamed);
        path.push(document);
        id = document?.ref;
      }
      return path;
    }
    case "whole table":
      return await readTo(read.end, ctx.db.query(read.table));
    case "search": {
      const filter = (q: unknown) =>
        read.filters.reduce((builder, [field, value]) => step(builder, "eq", field, value), searched(q, read.text));
      return await ctx.db
        .query("docs")
        .withSearchIndex("by_text", filter as never)
        .take(5);
    }
    case "range": {
      const found = await readTo(read.end, ctx.db.query(read.table).withIndex(read.index, rangeOf(read, known)), read);
      const [first] = found as { ref?: unknown }[];
      if (!read.follows || first?.ref === undefined) return found;
      return [found, await getById(ctx, first.ref, true)];
    }
  }
}

function searched(q: unknown, text: string): Builder {
  return step(q as Builder, "search", "text", text);
}

function step(builder: Builder, method: string, field: string, value: unknown): Builder {
  const next = builder[method]?.(field, value);
  if (next === undefined) throw new Error(`The builder has no ${method}.`);
  return next;
}

function rangeOf({ equals, field, lower, upper }: Range, { creationTimes }: Known) {
  const valueIn = (name: string, value: unknown) => (name === "_creationTime" ? creationTimes[Number(value)] : value);
  return ((q: Builder) => {
    let builder = q;
    for (const [name, value] of equals) builder = step(builder, "eq", name, valueIn(name, value));
    for (const bound of [lower, upper]) {
      if (bound) builder = step(builder, bound[0], field, valueIn(field, bound[1]));
    }
    return builder;
  }) as never;
}

async function getById(ctx: Reader, id: unknown, isNamed: boolean) {
  const table = TABLES.find((name) => ctx.db.normalizeId(name, String(id)) !== null);
  if (table === undefined) return null;
  return isNamed ? await ctx.db.get(table, id as never) : await ctx.db.get(id as never);
}

type Query = ReturnType<ReturnType<Reader["db"]["query"]>["fullTableScan"]>;

async function readTo(end: End, query: Query, { order }: { order?: "asc" | "desc" } = {}): Promise<unknown[]> {
  const ordered = order === undefined ? query : query.order(order);
  switch (end) {
    case "collect":
      return await ordered.collect();
    case "first":
      return [await ordered.first()];
    case "take":
      return await ordered.take(2);
    case "unique":
      return [await ordered.unique().catch(() => "several")];
    case "filter":
      return await ordered.filter((q) => q.eq(q.field("text"), "red")).collect();
    case "paginate":
      return (await ordered.paginate({ numItems: 2, cursor: null })).page;
    case "iterate": {
      const found: unknown[] = [];
      for await (const document of ordered) if (found.push(document) === 2) break;
      return found;
    }
  }
}
