import { anyApi, defineTable, type FunctionReference } from "convex/server";
import { v } from "convex/values";
import { defineView, type Row, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";

afterEach(endTestApp);

const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
type Line = { line: string; text: string };
type Value = { words: number; text: string };
type LineRow = Row<{ line: string }, Value>;

const countsTable = viewTable({
  key: { line: v.string() },
  value: { words: v.number(), text: v.string() },
});
const tables = {
  lines: defineTable({ line: v.string(), text: v.string() }).index("by_line", ["line"]),
  wordCounts: countsTable.index("by_words", ["value.words"]).searchIndex("by_text", { searchField: "value.text" }),
};

const count = (text: string): Value => ({ words: text.split(" ").length, text });
const onePage = {
  page: (ctx: QueryCtx, { line }: { line: string }, options: never) =>
    ctx.db
      .query("lines")
      .withIndex("by_line", (q) => q.eq("line", line))
      .paginate(options),
  initial: () => "",
  reduce: (_: string, { text }: Line) => text,
  finish: count,
};

/** A view with indexes of the app's own on its value, and one line in its source. */
async function start(mode: "snapshot" | "action" | "paged") {
  const wordCounts = defineView("wordCounts", {
    table: countsTable,
    sources: { lines: ({ line }: Line) => [{ line }] },
    mode,
    onMissing: "null",
    ...(mode === "paged" ? onePage : { compute: () => count("one two three") }),
  } as never);
  const app = startTestApp({ tables, views: { wordCounts: wordCounts as never } });
  await app.mutation((ctx) => ctx.db.insert("lines", { line: "a", text: "one two three" }));
  const ways: Record<string, (ctx: QueryCtx) => Promise<unknown[]>> = {
    "the table": (ctx) => ctx.db.query("wordCounts").collect(),
    "an index on the value": (ctx) => ctx.db.query("wordCounts").withIndex("by_words").collect(),
    "values from 0 on": (ctx) =>
      ctx.db
        .query("wordCounts")
        .withIndex("by_words", (q) => q.gte("value.words", 0 as never))
        .collect(),
    "values that are missing": (ctx) =>
      ctx.db
        .query("wordCounts")
        .withIndex("by_words", (q) => q.eq("value.words", undefined as never))
        .collect(),
    "the search index": (ctx) =>
      ctx.db
        .query("wordCounts")
        .withSearchIndex("by_text", (q) => q.search("value.text", "two"))
        .collect(),
  };
  /** The rows that the app finds with each index, by itself and with `readRows`. */
  const found = async () => {
    const all: Record<string, unknown> = {};
    for (const [name, find] of Object.entries(ways)) {
      const { result } = await app.collect(async (ctx) => {
        const rows = (await find(ctx)) as LineRow[];
        const read = (await wordCounts.readRows(ctx, rows as never)) as { value: Value | null }[];
        expect(read.map(({ value }) => value)).toEqual(rows.map(({ value }) => value));
        return rows.map(({ value }) => value.words);
      });
      all[name] = result;
    }
    return all;
  };
  const begin = () =>
    app.t.mutation(recompute, {
      job: { kind: "attempt", view: "wordCounts", args: { line: "a" } },
    });
  return { ...app, wordCounts, found, begin };
}

const NOTHING = {
  "the table": [],
  "an index on the value": [],
  "values from 0 on": [],
  "values that are missing": [],
  "the search index": [],
};
const ONE = {
  "the table": [3],
  "an index on the value": [3],
  "values from 0 on": [3],
  "values that are missing": [],
  "the search index": [3],
};

describe.each(["snapshot", "action", "paged"] as const)("while the first run lasts: %s", (mode) => {
  test("no index and no read of rows shows one without a value", async () => {
    const app = await start(mode);
    expect(await app.begin()).toBe("begun");
    expect(await app.rows("lazyRuns")).toHaveLength(1);
    expect(await app.found()).toEqual(NOTHING);
    const { result } = await app.collect((ctx) => app.wordCounts.read(ctx, { line: "a" } as never));
    expect(result).toEqual({ state: "missing", value: null, computedAt: null, version: null });
    // A change during the run makes no row either.
    await app.mutation((ctx) => ctx.db.insert("lines", { line: "a", text: "four" }));
    expect(await app.found()).toEqual(NOTHING);
    await app.advance(1_000);
    expect(await app.rows("lazyRuns")).toEqual([]);
    expect(await app.found()).toMatchObject({ "values that are missing": [] });
    expect(await app.rows("wordCounts")).toMatchObject([{ dirtyAt: expect.any(Number) }]);
  });

  test("and when it has ended, all of them show the one row", async () => {
    const app = await start(mode);
    await app.begin();
    await app.advance(1_000);
    expect(await app.found()).toEqual(ONE);
  });

  test("nor when it has died", async () => {
    const app = await start(mode);
    await app.begin();
    const pending = (await app.jobs()).filter(({ state }) => state.kind === "pending");
    await app.t.run(async (ctx) => {
      for (const job of pending) if (job.name !== "lazy:sweep") await ctx.scheduler.cancel(job._id);
    });
    await app.advance(5 * 60_000);
    expect(await app.found()).toEqual(NOTHING);
    await app.settle((ctx) => app.wordCounts.read(ctx, { line: "a" } as never));
    expect(await app.found()).toEqual(ONE);
  });
});
