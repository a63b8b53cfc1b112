import { defineTable, type GenericDataModel, type GenericQueryCtx } from "convex/server";
import { v } from "convex/values";
import { defineView, type Row, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";

afterEach(endTestApp);

const linesTable = viewTable({
  key: { line: v.string() },
  value: { words: v.number(), text: v.string() },
});
type Line = { line: string; text: string };
type LineRow = Row<{ line: string }, { words: number; text: string }>;

const tables = {
  lines: defineTable({ line: v.string(), text: v.string() }).index("by_line", ["line"]),
  wordCounts: linesTable.index("by_words", ["value.words"]).searchIndex("by_text", { searchField: "value.text" }),
};

function start(version = 1, onMissing: "null" | "compute" = "null") {
  const wordCounts = defineView("wordCounts", {
    table: linesTable,
    version,
    onMissing,
    sources: { lines: ({ line }: Line) => [{ line }] },
    compute: async (ctx: GenericQueryCtx<GenericDataModel>, { line }) => {
      const found = await ctx.db
        .query("lines")
        .withIndex("by_line", (q) => q.eq("line", line))
        .first();
      const text = String(found?.text ?? "");
      return { words: text.split(" ").length, text };
    },
  });
  const app = startTestApp({ tables, views: { wordCounts } });
  const write = (line: string, text: string) =>
    app.mutation(async (ctx) => {
      const old = await ctx.db
        .query("lines")
        .withIndex("by_line", (q) => q.eq("line", line))
        .first();
      if (old !== null) await ctx.db.patch("lines", old._id as never, { text });
      else await ctx.db.insert("lines", { line, text });
    });
  return { ...app, wordCounts, write };
}

/** The app with three lines, computed. */
async function startWithLines() {
  const app = start();
  await app.write("a", "one");
  await app.write("b", "one two three");
  await app.write("c", "one two");
  const keys = ["a", "b", "c"].map((line) => ({ line }));
  await app.settle((ctx) => app.wordCounts.getMany(ctx, keys));
  return app;
}

const byWords = async (ctx: QueryCtx) =>
  (await ctx.db.query("wordCounts").withIndex("by_words").order("desc").take(2)) as unknown as LineRow[];
const bySearch = async (ctx: QueryCtx) =>
  (await ctx.db
    .query("wordCounts")
    .withSearchIndex("by_text", (q) => q.search("value.text", "two"))
    .take(10)) as unknown as LineRow[];

describe("readRows", () => {
  test("reads in the order of any index, and raises nothing for fresh rows", async () => {
    const app = await startWithLines();
    const { result, effects } = await app.collect((ctx) => app.wordCounts.readRows(ctx, byWords(ctx)));
    expect(result).toMatchObject([
      { key: { line: "b" }, state: "fresh", value: { words: 3 }, version: 1 },
      { key: { line: "c" }, state: "fresh", value: { words: 2 }, version: 1 },
    ]);
    expect(effects).toEqual([]);
  });

  test("raises one line of effects for the stale rows it meets, and for no others", async () => {
    const app = await startWithLines();
    await app.write("a", "changed, but not among the first two");
    await app.write("b", "one two three four");
    await app.write("c", "now three words");
    const { result, effects, messages } = await app.collect((ctx) => app.wordCounts.readRows(ctx, byWords(ctx)));
    expect(result.map(({ state, value }) => [state, value?.words])).toEqual([
      ["stale", 3],
      ["stale", 2],
    ]);
    expect(effects.map(({ args }) => args.args)).toEqual([{ line: "b" }, { line: "c" }]);
    expect(messages).toHaveLength(1);
    await app.settle((ctx) => app.wordCounts.readRows(ctx, byWords(ctx)));
    expect(await app.query((ctx) => app.wordCounts.readRows(ctx, byWords(ctx)))).toMatchObject([
      { key: { line: "b" }, state: "fresh", value: { words: 4 } },
      { key: { line: "c" }, state: "fresh", value: { words: 3 } },
    ]);
  });

  test("reads what a search index finds", async () => {
    const app = await startWithLines();
    await app.write("c", "nothing");
    const { result: found } = await app.collect((ctx) => app.wordCounts.readRows(ctx, bySearch(ctx)));
    expect(found.map(({ key, state }) => [key.line, state]).sort()).toEqual([
      ["b", "fresh"],
      ["c", "stale"],
    ]);
    await app.settle((ctx) => app.wordCounts.readRows(ctx, bySearch(ctx)));
    expect(await app.query((ctx) => app.wordCounts.readRows(ctx, bySearch(ctx)))).toHaveLength(1);
  });

  test("a row of another version is expired, and asked for", async () => {
    const app = start();
    await app.t.run(async (ctx) => {
      const row = { key: '{"line":"a"}', args: { line: "a" }, value: "the old form" };
      const stamps = { version: 7, asOf: 4n, computedAt: 0 };
      await ctx.db.insert("wordCounts", { ...row, ...stamps });
    });
    const rows = async (ctx: QueryCtx) => (await ctx.db.query("wordCounts").collect()) as unknown as LineRow[];
    const { result, effects } = await app.collect((ctx) => app.wordCounts.readRows(ctx, rows(ctx)));
    expect(result).toMatchObject([{ key: { line: "a" }, state: "expired", value: null }]);
    expect(effects).toMatchObject([{ seen: 4n }]);
  });

  test("a row whose key does not fit the view any more is expired, and no effect asks for it", async () => {
    const app = start();
    await app.t.run(async (ctx) => {
      const row = { key: '{"row":1}', args: { row: 1 }, value: null };
      await ctx.db.insert("wordCounts", { ...row, version: 1, asOf: 1n, computedAt: 0 });
    });
    const rows = async (ctx: QueryCtx) => (await ctx.db.query("wordCounts").collect()) as unknown as LineRow[];
    const { result, effects } = await app.collect((ctx) => app.wordCounts.readRows(ctx, rows(ctx)));
    expect(result).toMatchObject([{ key: { row: 1 }, state: "expired", value: null }]);
    expect(effects).toEqual([]);
  });

  test.each([
    ["a document of another table", { text: "x" }, "an object"],
    ["null", null, "null"],
    ["a text", "row", 'the string "row"'],
  ])("%s is refused", async (_, row, description) => {
    const app = start();
    const read = app.query((ctx) => app.wordCounts.readRows(ctx, [row as never]));
    await expect(read).rejects.toThrow(
      `wordCounts.readRows: a row is ${description}; give documents of the view's table.`,
    );
  });
});
