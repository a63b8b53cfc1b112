import { defineTable, type TransactionLimits } from "convex/server";
import { v } from "convex/values";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { listView, startLists, sumOf } from "./lists.js";

// One mutation that writes very many documents, under Convex's limits.

afterEach(endTestApp);

interface Builder {
  eq(field: string, value: unknown): Builder;
}

const COUNT = 1_500;
const listOf = (i: number) => `list ${i}`;
const sorted = (lists: Iterable<string>) => [...lists].sort();

/** An app with a tracked view that reads each item in three ways. */
async function start(rows: readonly number[], limits: TransactionLimits = {}) {
  const items = defineTable({ list: v.string(), n: v.number() })
    .index("by_list", ["list"])
    .index("by_n", ["n", "list"]);
  const sums = listView("sums", async (ctx, { list }) => {
    const isOne = (q: Builder) => q.eq("n", 1).eq("list", list);
    const ones = ctx.db.query("items").withIndex("by_n", isOne as never);
    const [first] = await ones.take(1);
    const again = first && (await ctx.db.get("items", first._id as never));
    return (await sumOf(ctx, list)) + Number(again?.n ?? 0);
  });
  const app = startLists([sums], { tables: { items }, limits });
  for (const i of rows) await app.refresh(sums, listOf(i));
  /** The lists with stale rows. */
  const stale = async () => {
    const rows = (await app.rows("sums")) as { args: { list: string }; dirtyAt?: number }[];
    return sorted(rows.flatMap(({ args, dirtyAt }) => (dirtyAt === undefined ? [] : [args.list])));
  };
  return { ...app, sums, stale };
}

async function insertAll({ db }: MutationCtx): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < COUNT; i++) ids.push(await db.insert("items", { list: listOf(i), n: 1 }));
  return ids;
}

describe("a mutation of 1,500 writes", () => {
  test("marks the rows that depend on what it inserts, and no others", async () => {
    const rows = [0, 700, 1_499, 2_000];
    const app = await start(rows);
    await app.mutation(insertAll);
    expect(await app.stale()).toEqual(sorted([0, 700, 1_499].map(listOf)));
    for (const i of rows) expect(await app.refresh(app.sums, listOf(i))).toBe(i === 2_000 ? 0 : 2);
  });

  test("marks the rows that depend on what it patches, or on what that becomes", async () => {
    const app = await start([]);
    const ids = await app.mutation(insertAll);
    for (const i of [3, 1_400, 5_003, 6_000]) await app.refresh(app.sums, listOf(i));
    await app.mutation(async ({ db }) => {
      for (const [i, id] of ids.entries()) await db.patch("items", id as never, { list: listOf(5_000 + i) });
    });
    expect(await app.stale()).toEqual(sorted([3, 1_400, 5_003, 6_000].map(listOf)));
  });

  test("and refreshes rows between them", async () => {
    const app = await start([]);
    await app.mutation(async (ctx) => {
      await insertAll(ctx);
      expect(await app.sums.refresh(ctx, { list: listOf(7) })).toBe(2);
      await ctx.db.insert("items", { list: listOf(7), n: 2 });
      expect((await app.sums.peek(ctx, { list: listOf(7) })).state).toBe("stale");
      expect(await app.sums.refresh(ctx, { list: listOf(7) })).toBe(4);
      expect((await app.sums.peek(ctx, { list: listOf(7) })).state).toBe("fresh");
      await ctx.db.insert("items", { list: listOf(8), n: 2 });
    });
    expect(await app.state(app.sums, listOf(7))).toBe("fresh");
    await app.add(listOf(7), 1);
    expect(await app.state(app.sums, listOf(7))).toBe("stale");
  });

  test("that has no room to look all of them up throws, and writes nothing", async () => {
    const app = await start([0], { databaseQueries: 500, documentsRead: 500 });
    // More dependencies than the limits let a transaction read.
    await app.t.run(async ({ db }) => {
      for (let i = 0; i < 600; i++) {
        const text = `["items","list"]\n"other ${i}"`;
        await db.insert("lazyDependencies", { text, view: "sums", key: '{"list":"other"}' });
      }
    });
    await expect(app.mutation(insertAll)).rejects.toThrow("If the mutation is too large, write in smaller batches.");
    expect(await app.rows("items")).toEqual([]);
  });
});
