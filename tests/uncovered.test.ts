import { defineTable, type GenericDataModel, type GenericQueryCtx, type PaginationOptions } from "convex/server";
import { v } from "convex/values";
import { type AnyView, anyOf, changed, defineView, invalidated, olderThan, viewTable } from "convex-lazy-views";
import { testViews } from "convex-lazy-views/test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "./testApp.js";
import { add, type Key, type Totals, total, totalsTable, totalsView } from "./totals.js";

type Ctx = GenericQueryCtx<GenericDataModel>;
type Item = { list: string; n: number };

const tables = {
  items: defineTable({ list: v.string(), n: v.number() })
    .index("by_list", ["list"])
    .searchIndex("search_list", { searchField: "list" }),
  names: defineTable({ list: v.string() }).index("by_list", ["list"]),
  totals: totalsTable,
  doubled: viewTable({ key: { list: v.string() }, value: { sum: v.number() } }),
};
const key = { list: "a" };
const NOTHING = { count: 0, sum: 0 };
const byList = { items: ({ list }: Item) => [{ list }] };
const toNoKey = { items: (_: Item) => [] };

const countNames = async (ctx: Ctx) => (await ctx.db.query("names").collect()).length;

let warn: ReturnType<typeof vi.fn>;
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockReturnValue() as never;
});
afterEach(endTestApp);

function start(options: Parameters<typeof totalsView>[0], views: Record<string, AnyView> = {}) {
  const totals = totalsView(options);
  return { ...startTestApp({ tables, views: { totals, ...views } }), totals };
}

/** The uncovered reads of a recompute over one item and one name. */
async function uncoveredOf(options: Parameters<typeof totalsView>[0]) {
  const app = start(options);
  await app.t.run(async (ctx) => {
    await ctx.db.insert("items", { list: "a", n: 1 });
    await ctx.db.insert("names", { list: "a" });
  });
  await app.settle((ctx) => app.totals.get(ctx, key));
  return { uncovered: app.testing.uncovered(), row: (await app.rows("totals"))[0] };
}

describe("uncovered", () => {
  test("names the key, the table, the document, and what to write", async () => {
    const app = start({ sources: toNoKey });
    const id = await app.mutation(add("a", 2));
    expect(app.testing.uncovered()).toEqual([]);
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 1, sum: 2 });
    const message =
      `view "totals": the compute of {"list":"a"} reads the document ${id} of "items", which sources.items maps to ` +
      'no key: map it to {"list":"a"} as well. Or leave out sources, so that what compute reads is tracked.';
    expect(app.testing.uncovered()).toEqual([{ view: "totals", key, table: "items", document: id, message }]);
  });

  test("has each view and table once", async () => {
    const app = start({ sources: {} });
    await app.mutation(add("a", 2));
    await app.mutation(add("b", 2));
    for (const list of ["a", "b"]) await app.settle((ctx) => app.totals.get(ctx, { list }));
    expect(app.testing.uncovered()).toMatchObject([{ key: { list: "b" }, table: "items" }]);
  });

  test("has what was found since testViews was called, also when it was found before", async () => {
    const app = start({ sources: {} });
    await app.mutation(add("a", 2));
    const read = () => app.settle((ctx) => app.totals.get(ctx, key));
    await read();
    const later = testViews(app.t, vi);
    expect(later.uncovered()).toEqual([]);
    expect(app.testing.uncovered()).toHaveLength(1);
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    for (const views of [app.testing, later]) expect(views.uncovered()).toMatchObject([{ table: "items" }]);
  });

  test("is warned of once for each view and table", async () => {
    const doubled = defineView("doubled", {
      table: tables.doubled,
      sources: {},
      compute: async (ctx: Ctx) => ({ sum: 2 * (await countNames(ctx)) }),
    });
    const app = start({}, { doubled: doubled as AnyView });
    await app.t.run(async (ctx) => await ctx.db.insert("names", { list: "a" }));
    expect(await app.settle((ctx) => doubled.get(ctx, key))).toEqual({ sum: 2 });
    await app.mutation((ctx) => doubled.refresh(ctx, key));
    expect(warn.mock.calls).toEqual([[app.testing.uncovered()[0]?.message]]);
  });

  const items = (ctx: Ctx) => ctx.db.query("items");
  const inList = (ctx: Ctx) => items(ctx).withIndex("by_list", (q) => q.eq("list", "a"));
  test.each<[string, (ctx: Ctx) => Promise<unknown>]>([
    ["first", (ctx) => items(ctx).first()],
    ["unique", (ctx) => inList(ctx).unique()],
    ["collect", (ctx) => inList(ctx).collect()],
    ["take", (ctx) => items(ctx).order("desc").take(5)],
    ["paginate", (ctx) => inList(ctx).paginate({ cursor: null, numItems: 5 })],
    [
      "a search",
      (ctx) =>
        items(ctx)
          .withSearchIndex("search_list", (q) => q.search("list", "a"))
          .collect(),
    ],
    [
      "a filter",
      (ctx) =>
        items(ctx)
          .filter((q) => q.eq(q.field("list"), "a"))
          .first(),
    ],
    ["get", async (ctx) => ctx.db.get("items", (await items(ctx).first())?._id as never)],
    ["get without a table", async (ctx) => ctx.db.get((await items(ctx).first())?._id as never)],
    [
      "iteration",
      async (ctx) => {
        for await (const item of inList(ctx)) return item;
      },
    ],
  ])("sees what is read with %s", async (_, read) => {
    const compute = async (ctx: Ctx) => {
      expect(await read(ctx)).toBeTruthy();
      return NOTHING;
    };
    expect((await uncoveredOf({ sources: toNoKey, compute })).uncovered).toMatchObject([{ table: "items" }]);
    const mapped = await uncoveredOf({ sources: byList, compute });
    expect(mapped.row).toMatchObject({ value: NOTHING });
    expect(mapped.uncovered).toEqual([]);
  });

  test("names no table where it is of no source, and the document was read by its id", async () => {
    let id: string | undefined;
    const compute = async (ctx: Ctx) => {
      await ctx.db.get(id as never);
      return NOTHING;
    };
    const app = start({ sources: byList, compute });
    id = await app.t.run(async (ctx) => await ctx.db.insert("names", { list: "a" }));
    await app.settle((ctx) => app.totals.get(ctx, key));
    expect(app.testing.uncovered()).toMatchObject([{ table: "", document: id }]);
    expect(app.testing.uncovered()[0]?.message).toContain(
      `document ${id}, which is not one of its sources: add its table`,
    );
  });

  test.each(["transaction", "snapshot"] as const)("looks at recomputes of the mode %s", async (mode) => {
    const { uncovered, row } = await uncoveredOf({ mode, sources: {} });
    expect(row).toMatchObject({ value: { count: 1, sum: 1 } });
    expect(uncovered).toMatchObject([{ table: "items" }]);
    const isTrackable = mode === "transaction";
    expect(uncovered[0]?.message.includes("leave out sources")).toBe(isTrackable);
  });

  test("looks at the pages of the mode paged", async () => {
    const doubled = defineView("doubled", {
      table: tables.doubled,
      mode: "paged",
      sources: toNoKey,
      page: (ctx: Ctx, _: Key, options: PaginationOptions) => ctx.db.query("items").paginate(options) as never,
      initial: () => 0,
      reduce: (sum: number, { n }: Item) => sum + 2 * n,
      finish: (sum: number) => ({ sum }),
    });
    const app = start({}, { doubled: doubled as AnyView });
    await app.mutation(add("a", 2));
    expect(await app.settle((ctx) => doubled.get(ctx, key))).toEqual({ sum: 4 });
    expect(app.testing.uncovered()).toMatchObject([{ view: "doubled", table: "items" }]);
  });

  test("has a source whose function fails for a document; the recompute does not fail", async () => {
    const sources = {
      items: () => {
        throw new Error("no list");
      },
    };
    const { uncovered, row } = await uncoveredOf({ sources });
    expect(row).toMatchObject({ value: { count: 1, sum: 1 } });
    expect(uncovered).toMatchObject([{ message: expect.stringMatching(/does not map to keys \(.*no list\)/) }]);
  });

  test("has another view that is read and is no source, and none that is one", async () => {
    const doubled = (sources: object) =>
      defineView("doubled", {
        table: tables.doubled,
        sources,
        compute: async (ctx: Ctx, { list }: Key) => ({
          sum: 2 * ((await totals.get(ctx as never, { list }))?.sum ?? 0),
        }),
      });
    const totals = totalsView({ onMissing: "compute" });
    for (const [sources, found] of [
      [{}, [{ table: "totals", document: JSON.stringify(key) }]],
      [{ totals: () => [] }, []],
    ] as const) {
      const view = doubled(sources);
      const app = startTestApp({ tables, views: { totals, doubled: view as AnyView } });
      await app.mutation(add("a", 2));
      expect(await app.settle((ctx) => view.get(ctx, key))).toEqual({ sum: 4 });
      expect(app.testing.uncovered()).toMatchObject(found);
    }
  });

  describe("has nothing", () => {
    test("of a tracked view", async () => {
      const { uncovered, row } = await uncoveredOf({ sources: undefined as never });
      expect(row).toMatchObject({ value: { count: 1, sum: 1 }, tracked: {} });
      expect(uncovered).toEqual([]);
    });

    test("of a view that no mark makes stale", async () => {
      const { uncovered } = await uncoveredOf({ sources: {}, staleWhen: olderThan({ hours: 1 }) });
      expect(uncovered).toEqual([]);
    });

    const compute = async (ctx: Ctx, own: Key) => {
      await ctx.db.query("names").first();
      return await total(ctx, own);
    };
    test.each([
      ["tags", { tags: () => ["names"] }],
      ["a probe", { staleWhen: anyOf(invalidated<Key, Totals>(), changed(countNames)) }],
      ["an age", { staleWhen: anyOf(invalidated(), olderThan({ hours: 1 })) }],
    ])("of a table that is no source, in a view with %s, but what a source does not map", async (_, options) => {
      const { uncovered } = await uncoveredOf({ ...options, sources: byList, compute });
      expect(uncovered).toEqual([]);
      const other = await uncoveredOf({ ...options, sources: toNoKey, compute });
      expect(other.uncovered).toMatchObject([{ table: "items" }]);
    });

    test("of documents that are not there", async () => {
      const app = start({ sources: {} });
      expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual(NOTHING);
      expect(app.testing.uncovered()).toEqual([]);
    });
  });
});
