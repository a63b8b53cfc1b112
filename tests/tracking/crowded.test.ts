import { defineTable } from "convex/server";
import { v } from "convex/values";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx } from "../testApp.js";
import { listView, startLists } from "./lists.js";
import type { Reader } from "./randomReads.js";

afterEach(endTestApp);

describe("a document that very many rows depend on", () => {
  const settings = defineTable({ n: v.number() });
  const value = async (ctx: Pick<Reader, "db">) => Number((await ctx.db.query("settings").first())?.n ?? 0);

  /** An app with so many rows that have read the one document of `settings`. */
  async function startCrowded(count: number) {
    const view = listView("view", value);
    const app = startLists([view], { tables: { settings } });
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
    const rows = async () => await app.rows("view");
    const states = async () => {
      const { result } = await app.collect(
        async (ctx) => await view.readRows(ctx, ctx.db.query("view").collect() as never),
      );
      return result;
    };
    // The rest is what the last one is, but for the key: convex-test looks each row up in all of them.
    const { _id, _creationTime, ...last } = (await rows()).at(-1) as Record<string, unknown>;
    await app.t.run(async ({ db }) => {
      for (let i = refreshed; i < count; i++) {
        const args = { list: String(i) };
        await db.insert("view", { ...last, key: JSON.stringify(args), args });
      }
    });
    return { ...app, view, id, write, states };
  }

  test("costs one document of the library's a write, and none of 10,000 rows is fresh and wrong", async () => {
    const app = await startCrowded(10_000);
    expect(await app.states()).toHaveLength(10_000);
    expect(new Set((await app.states()).map(({ state }) => state))).toEqual(new Set(["fresh"]));
    for (const n of [2, 3]) {
      expect(await app.write(n)).toBeLessThanOrEqual(2);
      expect(new Set((await app.states()).map(({ state }) => state))).toEqual(new Set(["stale"]));
    }
    for (const list of ["0", "63", "64", "149", "150", "9999"]) {
      await app.refresh(app.view, list);
      expect(await app.testing.peek(app.view, { list })).toMatchObject({ state: "fresh", value: 3 });
    }
    expect(await app.write(4)).toBeLessThanOrEqual(2);
    expect(new Set((await app.states()).map(({ state }) => state))).toEqual(new Set(["stale"]));
  });

  test.each([63, 64, 65, 66])(
    "around the bound, each of %i rows is made stale, also in the very mutation",
    async (count) => {
      const app = await startCrowded(count);
      const readAll = async (ctx: QueryCtx) => {
        for (let i = 0; i < count; i++) expect((await app.view.peek(ctx, { list: String(i) })).state).toBe("stale");
      };
      await app.write(2, readAll);
      expect(new Set((await app.states()).map(({ state }) => state))).toEqual(new Set(["stale"]));
      for (let i = 0; i < count; i++) expect(await app.refresh(app.view, String(i))).toBe(2);
      expect(new Set((await app.states()).map(({ state }) => state))).toEqual(new Set(["fresh"]));
      await app.mutation((ctx) => ctx.db.delete("settings", app.id as never));
      expect(new Set((await app.states()).map(({ state }) => state))).toEqual(new Set(["stale"]));
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
});
