import { defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import type { Mode } from "../../src/model/definition.js";
import { endTestApp, type QueryCtx } from "../testApp.js";
import {
  declared,
  type Key,
  type ListOptions,
  type ListView,
  listTable,
  listView,
  startLists,
  sumOf,
} from "./lists.js";
import type { Reader } from "./randomReads.js";

// Views that do not compute in one transaction, as outer and as inner views.

afterEach(endTestApp);

type StoredRow = { args: Key; value: number };
const all = { list: "all" };

describe.each<Mode>(["snapshot", "action"])("an inner view of the mode %s", (mode) => {
  // Its rows count as documents: an outer row is as fresh as the rows that it has read.
  test.each<[string, ListOptions]>([
    ["tracked", {}],
    ["with declared sources", { sources: { inner: ({ args }: StoredRow) => [args] } }],
  ])("is a source of a view %s", async (_, outerOptions) => {
    let outside = 3;
    const inner = listView("inner", () => outside, { ...declared, mode });
    const outer = listView("outer", async (ctx, key) => 10 * Number(await inner.get(ctx, key)), outerOptions);
    const app = startLists([inner, outer]);
    const key = { list: "a" };
    const settle = (view: ListView) => app.settle((ctx) => view.get(ctx, key));
    await settle(inner);
    expect(await settle(outer)).toBe(30);
    expect(await app.state(outer, "a")).toBe("fresh");

    outside = 4;
    await app.add("a", 1);
    await app.testing.expectState(inner, key, "stale");
    await settle(inner);
    await app.testing.expectState(inner, key, "fresh");
    await app.testing.expectState(outer, key, "stale");
    expect(await settle(outer)).toBe(40);
    await app.testing.expectState(outer, key, "fresh");
  });
});

describe.each<Mode>(["snapshot", "action"])(
  "a view of the mode %s, whose declared source is another view's table",
  (mode) => {
    test.each<[string, ListOptions]>([
      ["tracked", {}],
      ["with declared sources", declared],
    ])("is made stale with the inner row, which is %s, at each change", async (_, options) => {
      const inner = listView("inner", (ctx, { list }) => sumOf(ctx, list), options);
      const middle = listView("middle", async (ctx, key) => Number(await inner.get(ctx, key)));
      const compute = (ctx: QueryCtx, key: Key) => (mode === "action" ? 0 : middle.get(ctx, key));
      const outer = listView("outer", async (ctx, key) => 10 * Number(await compute(ctx, key)), {
        mode,
        sources: { middle: ({ args }: StoredRow) => [args] },
      });
      const app = startLists([inner, middle, outer]);
      const key = { list: "a" };
      const settle = (view: ListView) => app.settle((ctx) => view.get(ctx, key));
      await app.add("a", 1);
      await settle(middle);
      expect(await settle(outer)).toBe(mode === "action" ? 0 : 10);
      for (const sum of [2, 3]) {
        await app.add("a", 1);
        // The inner rows stay as they are: readers ask for the outer row alone.
        await app.testing.expectState(outer, key, "stale");
        expect(await settle(outer)).toBe(mode === "action" ? 0 : 10 * sum);
        await app.testing.expectState(outer, key, "fresh");
      }
    });
  },
);

test("a view of the mode paged takes in rows of another view as they are now, and is made stale with them", async () => {
  const inner = listView("inner", (ctx, { list }) => sumOf(ctx, list));
  const total = defineView("total", {
    table: listTable,
    mode: "paged",
    sources: { inner: () => [all] },
    page: (ctx: Reader, _, options) => ctx.db.query("inner").paginate(options),
    initial: () => 0,
    reduce: (sum, row) => sum + Number(row.value),
    finish: (sum) => sum,
  });
  const app = startLists([inner, total as unknown as ListView]);
  for (const list of ["a", "b"]) {
    await app.add(list, 1);
    await app.refresh(inner, list);
  }
  expect(await app.settle((ctx) => total.get(ctx, all))).toBe(2);
  await app.add("a", 10);
  await app.testing.expectState(total, all, "stale");
  expect(await app.settle((ctx) => total.get(ctx, all))).toBe(12);
  expect(await app.state(inner, "a")).toBe("stale");
  await app.testing.expectState(total, all, "fresh");
});

test("a view of the mode snapshot over rows that are missing has them made, and is made stale with them", async () => {
  const inner = listView("inner", (ctx, { list }) => sumOf(ctx, list));
  const sources = { inner: ({ args }: StoredRow) => [args] };
  const outer = listView("outer", async (ctx, key) => 10 * Number(await inner.get(ctx, key)), {
    mode: "snapshot",
    sources,
  });
  const app = startLists([inner, outer]);
  const key = { list: "a" };
  for (const n of [1, 2, 3]) {
    await app.add("a", 1);
    expect(await app.state(outer, "a")).not.toBe("fresh");
    expect(await app.settle((ctx) => outer.get(ctx, key))).toBe(10 * n);
    await app.testing.expectState(outer, key, "fresh");
    expect(await app.rows("inner")).toHaveLength(1);
  }
  await app.mutation((ctx) => inner.evict(ctx, key));
  await app.add("a", 1);
  await app.testing.expectState(outer, key, "stale");
  expect(await app.settle((ctx) => outer.get(ctx, key))).toBe(40);
});
