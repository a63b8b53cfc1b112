import { defineTable } from "convex/server";
import { v } from "convex/values";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type QueryCtx } from "../testApp.js";
import { items, listView, startLists } from "./lists.js";
import type { Reader } from "./randomReads.js";

// The library logs that more rows are stale here than effects can leave a query.
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());
afterEach(endTestApp);

describe("a document that very many rows depend on", () => {
  const settings = defineTable({ n: v.number() });
  const value = async (ctx: Pick<Reader, "db">) => Number((await ctx.db.query("settings").first())?.n ?? 0);

  /** An app with so many rows that depend on the one document of `settings`. */
  async function startCrowded(count: number) {
    const view = listView("view", value);
    const over = listView("over", async (ctx, key) => Number(await view.get(ctx, key)));
    const app = startLists([view, over], { tables: { settings } });
    const id = await app.mutation((ctx) => ctx.db.insert("settings", { n: 1 }));
    const refreshed = Math.min(count, 150);
    await app.mutation(async (ctx) => {
      for (let i = 0; i < refreshed; i++) await view.refresh(ctx, { list: String(i) });
    });
    const write = (n: number, more: (ctx: QueryCtx) => Promise<unknown> = async () => {}) =>
      app.mutation(async (ctx) => {
        await ctx.db.patch("settings", id as never, { n });
        await more(ctx);
        return (await ctx.meta.getTransactionMetrics()).documentsWritten.used;
      });
    /** The states of all rows, each once. */
    const states = async () => {
      const { result } = await app.collect((ctx) => view.readRows(ctx, ctx.db.query("view").collect() as never));
      expect(result).toHaveLength(count);
      return [...new Set(result.map(({ state }) => state))];
    };
    // The other rows are copies of the last one with other keys: computing them is slow under convex-test.
    const { _id, _creationTime, ...last } = (await app.rows("view")).at(-1) as Record<string, unknown>;
    await app.t.run(async ({ db }) => {
      for (let i = refreshed; i < count; i++) {
        const args = { list: String(i) };
        await db.insert("view", { ...last, key: JSON.stringify(args), args });
      }
    });
    return { ...app, view, over, id, write, states };
  }

  test("costs one document of the library's a write, and none of 10,000 rows is fresh and wrong", async () => {
    const app = await startCrowded(10_000);
    for (const list of ["0", "63", "64", "149", "150", "9999"]) expect(await app.state(app.view, list)).toBe("fresh");
    // The document, and one document of the library.
    for (const n of [2, 3]) expect(await app.write(n)).toBeLessThanOrEqual(2);
    expect(await app.states()).toEqual(["stale"]);
    for (const list of ["0", "63", "64", "149", "150", "9999"]) {
      await app.refresh(app.view, list);
      expect(await app.testing.peek(app.view, { list })).toMatchObject({ state: "fresh", value: 3 });
    }
    expect(await app.write(4)).toBeLessThanOrEqual(2);
    expect(await app.states()).toEqual(["stale"]);
  });

  test.each([63, 64, 65, 66])(
    "around the bound, each of %i rows is made stale, also in the very mutation",
    async (count) => {
      const app = await startCrowded(count);
      const readAll = async (ctx: QueryCtx) => {
        for (let i = 0; i < count; i++) expect((await app.view.peek(ctx, { list: String(i) })).state).toBe("stale");
      };
      await app.write(2, readAll);
      expect(await app.states()).toEqual(["stale"]);
      for (let i = 0; i < count; i++) expect(await app.refresh(app.view, String(i))).toBe(2);
      expect(await app.states()).toEqual(["fresh"]);
      await app.mutation((ctx) => ctx.db.delete("settings", app.id as never));
      expect(await app.states()).toEqual(["stale"]);
    },
  );

  test("may be written ten times in a mutation that refreshes some of them", async () => {
    const app = await startCrowded(100);
    const key = { list: "99" };
    await app.mutation(async (ctx) => {
      for (let n = 0; n < 10; n++) {
        await ctx.db.patch("settings", app.id as never, { n });
        expect(await app.view.refresh(ctx, key)).toBe(n);
      }
    });
    const { state, value } = await app.testing.peek(app.view, key);
    expect(state === "stale" || value === 9).toBe(true);
    expect(await app.settle((ctx) => app.view.get(ctx, key))).toBe(9);
    await app.testing.expectState(app.view, key, "fresh");
  });

  test("and that rows of views over them depend on as well", async () => {
    const app = await startCrowded(100);
    for (const list of ["0", "99"]) expect(await app.refresh(app.over, list)).toBe(1);
    await app.refresh(app.over, "no row");
    await app.write(5);
    for (const list of ["0", "99", "no row"]) {
      expect(await app.state(app.over, list)).toBe("stale");
      expect(await app.refresh(app.over, list)).toBe(5);
      expect(await app.state(app.over, list)).toBe("fresh");
    }
  });

  test("stays shared when its rows are evicted and come back", async () => {
    const app = await startCrowded(100);
    await app.mutation(async (ctx) => {
      for (let i = 0; i < 100; i++) await app.view.evict(ctx, { list: String(i) });
    });
    expect((await app.rows("lazyDependencies")).filter(({ view }) => view !== "")).toEqual([]);
    for (const list of ["0", "99"]) await app.refresh(app.view, list);
    await app.write(5);
    for (const list of ["0", "99"]) expect(await app.state(app.view, list)).toBe("stale");
  });
});

test("ranges of 100 rows that have no value of a field in common are one dependency", async () => {
  // Each row counts the events of one day.
  const days = listView("days", async (ctx, { list }) => {
    const ofDay = ctx.db
      .query("events")
      .withIndex("by_day", (q) => q.gte("day", Number(list)).lt("day", Number(list) + 1));
    return (await ofDay.collect()).length;
  });
  const events = defineTable({ day: v.number() }).index("by_day", ["day"]);
  const app = startLists([days], { tables: { events } });
  const insert = (day: number) =>
    app.mutation(async (ctx) => {
      await ctx.db.insert("events", { day });
      return (await ctx.meta.getTransactionMetrics()).documentsRead.used;
    });
  for (let day = 0; day < 40; day++) await app.refresh(days, String(day));
  await insert(3.5);
  // While there are few rows, only events of its own day make a row stale.
  expect([await app.state(days, "3"), await app.state(days, "4")]).toEqual(["stale", "fresh"]);
  for (let day = 0; day < 100; day++) await app.refresh(days, String(day));
  // The reads of a write do not grow with the number of rows.
  expect(await insert(42.5)).toBeLessThan(64);
  expect(await app.state(days, "42")).toBe("stale");
  for (let day = 0; day < 100; day++)
    expect(await app.refresh(days, String(day))).toBe(day === 3 || day === 42 ? 1 : 0);
  await insert(99.5);
  expect(await app.state(days, "99")).toBe("stale");
});

test("rows that share dependencies on six tables are made stale by each of them", async () => {
  const names = ["t1", "t2", "t3", "t4", "t5", "t6"];
  const wide = listView("wide", async (ctx) => {
    let sum = 0;
    for (const name of names) {
      const ones = ctx.db.query(name).withIndex("by_list", (q) => q.eq("list", "one"));
      for (const { n } of await ones.collect()) sum += Number(n);
    }
    return sum;
  });
  const app = startLists([wide], { tables: Object.fromEntries(names.map((name) => [name, items])) });
  for (let i = 0; i < 70; i++) await app.refresh(wide, String(i));
  for (const [i, name] of names.entries()) {
    const rows = ["0", "40", "69"];
    await app.mutation((ctx) => ctx.db.insert(name, { list: "one", n: 1 }));
    for (const list of rows) expect(await app.state(wide, list)).toBe("stale");
    for (const list of rows) expect(await app.refresh(wide, list)).toBe(i + 1);
    for (const list of rows) expect(await app.state(wide, list)).toBe("fresh");
  }
});
