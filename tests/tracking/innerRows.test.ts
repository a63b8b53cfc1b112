import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx } from "../testApp.js";
import { declared, type Key, type ListOptions, type ListView, listView, startLists, sumOf } from "./lists.js";

// Computes that read the rows of other views, and views whose declared sources are the tables of other views.

afterEach(endTestApp);

type StoredRow = { args: Key; value: number };
const all = { list: "all" };

/** Ways to read the rows of a view whose value is at least `least`. */
const READS: Record<string, (inner: ListView, ctx: QueryCtx, least: number) => Promise<StoredRow[]>> = {
  readRows: async (inner, ctx, least) => {
    const rows = ctx.db.query(inner.name).withIndex("by_value", (q) => q.gte("value", least));
    const reads = await inner.readRows(ctx, rows.collect() as never);
    expect(reads.map(({ state }) => state)).not.toContain("stale");
    return reads.map(({ key, value }) => ({ args: key, value: Number(value) }));
  },
  collect: async (inner, ctx, least) => {
    const rows = ctx.db.query(inner.name).withIndex("by_value", (q) => q.gte("value", least));
    return (await rows.collect()) as unknown as StoredRow[];
  },
  iterate: async (inner, ctx, least) => {
    const found: StoredRow[] = [];
    const rows = ctx.db.query(inner.name).withIndex("by_value", (q) => q.gte("value", least));
    for await (const row of rows) found.push(row as unknown as StoredRow);
    return found;
  },
  "a whole table": async (inner, ctx, least) => {
    const rows = (await ctx.db.query(inner.name).collect()) as unknown as StoredRow[];
    return rows.filter(({ value }) => value >= least);
  },
  paginate: async (inner, ctx, least) => {
    const rows = ctx.db.query(inner.name).withIndex("by_value", (q) => q.gte("value", least));
    const { page } = await rows.paginate({ numItems: 100, cursor: null });
    return page as unknown as StoredRow[];
  },
  get: async (inner, ctx, least) => {
    const ids = (await ctx.db.query(inner.name).collect()).map(({ _id }) => _id);
    const rows = await Promise.all(ids.map((id) => ctx.db.get(inner.name, id as never)));
    return (rows as unknown as StoredRow[]).filter(({ value }) => value >= least);
  },
  "get without the table": async (inner, ctx, least) => {
    const ids = (await ctx.db.query(inner.name).collect()).map(({ _id }) => _id);
    const rows = await Promise.all(ids.map((id) => ctx.db.get(id as never)));
    return (rows as unknown as StoredRow[]).filter(({ value }) => value >= least);
  },
};

describe.each<[string, ListOptions]>([
  ["a tracked view", {}],
  ["a view with declared sources", declared],
])("a compute that looks up the rows of %s", (_, options) => {
  describe.each(Object.keys(READS))("with %s", (how) => {
    function start() {
      const inner = listView("inner", (ctx, { list }) => sumOf(ctx, list), options);
      const total = listView("total", async (ctx) => {
        const rows = (await READS[how]?.(inner, ctx, 1)) ?? [];
        return rows.reduce((sum, { value }) => sum + value, 0);
      });
      return { ...startLists([inner, total]), inner, total };
    }

    test("finds current values, also in rows that are stale", async () => {
      const app = start();
      await app.add("a", 1);
      await app.add("b", 2);
      await app.refresh(app.inner, "a");
      await app.refresh(app.inner, "b");
      expect(await app.refresh(app.total, all.list)).toBe(3);
      expect(await app.state(app.total, all.list)).toBe("fresh");
      await app.add("a", 10);
      expect(await app.state(app.total, all.list)).toBe("stale");
      expect(await app.state(app.inner, "a")).toBe("stale");
      expect(await app.refresh(app.total, all.list)).toBe(13);
      expect(await app.state(app.total, all.list)).toBe("fresh");
      await app.add("a", 10);
      expect(await app.state(app.total, all.list)).toBe("stale");
    });

    test("depends on which rows there are", async () => {
      const app = start();
      await app.add("a", 1);
      await app.add("b", 2);
      expect(await app.refresh(app.total, all.list)).toBe(0);
      for (const [list, sum] of [
        ["a", 1],
        ["b", 3],
      ] as const) {
        await app.refresh(app.inner, list);
        expect(await app.state(app.total, all.list)).toBe("stale");
        expect(await app.refresh(app.total, all.list)).toBe(sum);
      }
      await app.mutation((ctx) => app.inner.evict(ctx, { list: "a" }));
      expect(await app.state(app.total, all.list)).toBe("stale");
      expect(await app.refresh(app.total, all.list)).toBe(2);
    });
  });
});

describe.each<[string, ListOptions]>([
  ["tracked", {}],
  ["with declared sources", declared],
])("a view whose declared source is the table of a view %s", (_, options) => {
  const sources = { inner: ({ args }: StoredRow) => [args] };

  test.each(["get", "first"])(
    "is made stale by what makes the inner row stale, and read with %s is right",
    async (how) => {
      const inner = listView("inner", (ctx, { list }) => sumOf(ctx, list), options);
      const read = async (ctx: QueryCtx, key: Key) => {
        if (how === "get") return Number(await inner.get(ctx, key));
        const rows = ctx.db.query("inner").withIndex("by_key", (q) => q.eq("key", JSON.stringify(key)));
        return Number(((await rows.first()) as unknown as StoredRow | null)?.value);
      };
      const outer = listView("outer", async (ctx, key) => 10 * (await read(ctx, key)), { sources });
      const app = startLists([inner, outer]);
      await app.add("a", 1);
      await app.refresh(inner, "a");
      expect(await app.settle((ctx) => outer.get(ctx, { list: "a" }))).toBe(10);
      await app.add("b", 1);
      expect(await app.state(outer, "a")).toBe("fresh");
      await app.add("a", 2);
      expect(await app.state(outer, "a")).toBe("stale");
      expect(await app.settle((ctx) => outer.get(ctx, { list: "a" }))).toBe(30);
      expect(await app.state(outer, "a")).toBe("fresh");
      await app.refresh(inner, "a");
      await app.add("a", 4);
      expect(await app.settle((ctx) => outer.get(ctx, { list: "a" }))).toBe(70);
    },
  );
});

test("a view with applyChange counts no change of an inner row twice", async () => {
  const inner = listView("inner", (ctx, { list }) => sumOf(ctx, list));
  type Change = { before: StoredRow | null; after: StoredRow | null };
  const total = listView(
    "total",
    async (ctx) => ((await READS.collect?.(inner, ctx, 0)) ?? []).reduce((sum, { value }) => sum + value, 0),
    {
      sources: { inner: () => [all] },
      applyChange: (value, { before, after }: Change) => value + (after?.value ?? 0) - (before?.value ?? 0),
    },
  );
  const app = startLists([inner, total]);
  await app.add("a", 1);
  await app.refresh(inner, "a");
  expect(await app.refresh(total, all.list)).toBe(1);
  await app.add("a", 10);
  // The change is in the total before it is in the inner row.
  expect(await app.refresh(total, all.list)).toBe(11);
  await app.refresh(inner, "a");
  expect(await app.settle((ctx) => total.get(ctx, all))).toBe(11);
});
