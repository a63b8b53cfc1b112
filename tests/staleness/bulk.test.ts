import { type AnyView, defineView, type View } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { type AppOptions, endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import { type Key, type Totals, tables, total, totalsTable } from "../totals.js";
import { applyChange } from "./listApp.js";

afterEach(endTestApp);

type Item = { list: string; n: number };
const COUNT = 1_000;
const listOf = (i: number) => `list ${i}`;

/** An app with so many views over the items, and Convex's limits. */
function start(viewCount: number, options: object = {}, limits: AppOptions["limits"] = {}) {
  const names = Array.from({ length: viewCount }, (_, i) => `view${i}`);
  const views = names.map(
    (name) =>
      defineView(name, {
        table: totalsTable,
        sources: { items: ({ list }: Item) => [{ list }] },
        compute: total,
        ...options,
      } as never) as unknown as View<Key, Totals, unknown>,
  );
  const viewTables = Object.fromEntries(names.map((name) => [name, totalsTable]));
  const app = startTestApp({
    tables: { ...tables, ...viewTables },
    views: Object.fromEntries(views.map((view) => [view.name, view as AnyView])),
    limits,
  });
  return {
    ...app,
    views,
    /** Inserts fresh rows of so many lists, from 0 on, for each view. */
    async insertRows(count: number) {
      const stamps = { version: 1, asOf: 1n, computedAt: Date.now() };
      const parts = views.flatMap(({ name }) =>
        Array.from({ length: Math.ceil(count / 100) }, (_, part) => ({ name, from: part * 100 })),
      );
      for (const { name, from } of parts) {
        await app.t.run(async (ctx) => {
          for (let i = from; i < Math.min(from + 100, count); i++) {
            const args = { list: listOf(i) };
            const row = { key: JSON.stringify(args), args, value: { count: 0, sum: 0 } };
            await ctx.db.insert(name, { ...row, ...stamps });
          }
        });
      }
    },
    /** Inserts an item for each of so many lists, from 0 on, without the library. */
    async insertItems(count: number) {
      await app.t.run(async (ctx) => {
        for (let i = 0; i < count; i++) await ctx.db.insert("items", { list: listOf(i), n: 1 });
      });
    },
    /** The names of the lists whose rows are marked, for each view. */
    async marked() {
      const all: string[][] = [];
      for (const { name } of views) {
        const rows = await app.rows(name);
        const stale = rows.filter(({ dirtyAt }) => dirtyAt !== undefined);
        all.push(stale.map(({ args }) => (args as Key).list));
      }
      return all;
    },
  };
}

const importAll = (count: number) => async (ctx: MutationCtx) => {
  for (let i = 0; i < count; i++) await ctx.db.insert("items", { list: listOf(i), n: 1 });
};
const lists = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => listOf(from + i)).sort();

describe("one mutation, under several views,", () => {
  test("imports 1,000 documents of distinct keys that have no rows", async () => {
    const app = start(5);
    await app.mutation(importAll(COUNT));
    expect(await app.rows("items")).toHaveLength(COUNT);
    expect(await app.marked()).toEqual([[], [], [], [], []]);
  });

  test("imports 1,000 documents of distinct keys that all have rows", async () => {
    const app = start(5);
    await app.insertRows(COUNT + 5);
    await app.mutation(importAll(COUNT));
    for (const marked of await app.marked()) expect(marked.sort()).toEqual(lists(0, COUNT));
  });

  test("imports them side by side", async () => {
    const app = start(2);
    await app.insertRows(COUNT + 5);
    await app.mutation(async (ctx) => {
      await Promise.all(Array.from({ length: COUNT }, (_, i) => ctx.db.insert("items", { list: listOf(i), n: 1 })));
    });
    for (const marked of await app.marked()) expect(marked.sort()).toEqual(lists(0, COUNT));
  });

  test("imports 1,000 documents, and applies each to its row", async () => {
    const app = start(2, { applyChange });
    await app.insertRows(COUNT);
    await app.mutation(importAll(COUNT));
    for (const { name } of app.views) {
      const rows = await app.rows(name);
      expect(rows.every(({ value }) => (value as Totals).sum === 1)).toBe(true);
    }
    expect(await app.marked()).toEqual([[], []]);
  });

  test("deletes 1,000 documents, as a cascade does", async () => {
    const app = start(5);
    await app.insertItems(COUNT);
    await app.insertRows(COUNT);
    await app.mutation(async (ctx) => {
      for (const { _id } of await ctx.db.query("items").collect()) await ctx.db.delete(_id as never);
    });
    expect(await app.rows("items")).toEqual([]);
    for (const marked of await app.marked()) expect(marked).toHaveLength(COUNT);
  });

  test("changes 1,000 keys twice, and what it refreshed between is stale again", async () => {
    const app = start(2);
    await app.insertRows(COUNT);
    const [view] = app.views;
    await app.mutation(async (ctx) => {
      await importAll(COUNT)(ctx);
      await view?.refresh(ctx, { list: listOf(7) });
      await view?.refresh(ctx, { list: listOf(COUNT + 1) });
      await ctx.db.insert("items", { list: listOf(7), n: 1 });
      await ctx.db.insert("items", { list: listOf(COUNT + 1), n: 1 });
    });
    const [first, second] = await app.marked();
    expect(first?.sort()).toEqual([...lists(0, COUNT), listOf(COUNT + 1)].sort());
    expect(second).toHaveLength(COUNT);
  });
});

test("a batch of a migration moves 100 documents under two views", async () => {
  const app = start(2);
  await app.insertItems(COUNT);
  await app.insertRows(2 * COUNT);
  const used = await app.mutation(async (ctx) => {
    for (const { _id } of await ctx.db.query("items").take(100)) {
      const { list } = (await ctx.db.get(_id as never)) as unknown as Item;
      await ctx.db.patch(_id as never, { list: listOf(COUNT + Number(list.split(" ")[1])) });
    }
    return (await ctx.meta.getTransactionMetrics()).documentsWritten.used;
  });
  expect(used).toBe(100 + 2 * 200);
  for (const marked of await app.marked()) {
    expect(marked.sort()).toEqual([...lists(0, 100), ...lists(COUNT, COUNT + 100)].sort());
  }
});

describe("past the room of a transaction", () => {
  const REMEDY = "If the mutation is too large, write in smaller batches.";
  /** Errors when a row cannot be marked, and when a written document cannot be read back to find its keys. */
  const NO_MARK =
    /^convex-lazy-views: view "view\d": the row \{"list":"list \d+"\} could not be marked, after \d+ other keys: \S.* If the mutation/;
  const NO_CHANGE =
    /^convex-lazy-views: a document of the source "items" could not be read back, after \d+ other keys: \S.* If the mutation/;

  /** The resource that is short, the number of rows, the limits, the number of documents, and the error. */
  const cases: [string, number, AppOptions["limits"], number, RegExp][] = [
    ["ranges for rows", 150, { databaseQueries: 1_000, documentsRead: 3_000 }, 500, NO_MARK],
    ["ranges for documents", 0, { databaseQueries: 1_000 }, COUNT, NO_CHANGE],
    ["ranges for very many documents", 0, {}, 4_100, NO_CHANGE],
    ["reads of rows", 300, { documentsRead: 502 }, 300, NO_MARK],
    ["reads of documents", 300, { documentsRead: 500 }, 300, NO_CHANGE],
    ["writes of rows", 300, { documentsWritten: 301 }, 300, NO_MARK],
    ["bytes to read", 300, { bytesRead: 100_000 }, 300, NO_MARK],
    ["bytes to write", 300, { bytesWritten: 54_000 }, 300, NO_MARK],
  ];

  describe.each(cases)("%s", (_, rows, limits, count, message) => {
    test("the error names what it was about, says how far it came and what to do, and nothing is kept", async () => {
      const app = start(2, {}, limits);
      await app.insertRows(rows);
      const error = await app.mutation(importAll(count)).catch((thrown) => thrown as Error);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).toContain(REMEDY);
      expect(await app.rows("items")).toEqual([]);
      expect(await app.marked()).toEqual([[], []]);
    });

    test("nor does it commit where the app catches the error", async () => {
      const app = start(2, {}, limits);
      await app.insertRows(rows);
      const swallowing = app.mutation(async (ctx) => {
        for (let i = 0; i < count; i++) {
          await ctx.db.insert("items", { list: listOf(i), n: 1 }).catch(() => {});
        }
      });
      await expect(swallowing).rejects.toThrow(message);
      expect(await app.rows("items")).toEqual([]);
      expect(await app.marked()).toEqual([[], []]);
    });
  });
});
