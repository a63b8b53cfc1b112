import { anyOf, changed, invalidated, olderThan } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx } from "../testApp.js";
import {
  declared,
  type Item,
  itemsOf,
  type Key,
  type ListOptions,
  type ListView,
  listView,
  nextDeployment,
  startLists,
  sumOf,
} from "./lists.js";
import type { Reader } from "./randomReads.js";

afterEach(endTestApp);

const apply = (value: number, { before, after }: { before: Item | null; after: Item | null }) =>
  value + (after?.n ?? 0) - (before?.n ?? 0);
/** Kinds of inner views. */
const INNER: Record<string, ListOptions> = {
  tracked: {},
  declared,
  "with applyChange": { ...declared, applyChange: apply },
  "with a tag": { tags: ({ list }) => [list] },
  "with an age": { staleWhen: anyOf(invalidated(), olderThan({ hours: 1 })) },
  "with a probe": {
    ...declared,
    staleWhen: anyOf(
      invalidated(),
      changed((ctx: Reader) => sumOf(ctx, "other")),
    ),
  },
};
/** Ways in which an outer view reads a key of the inner view. */
const READS: Record<string, (inner: ListView, ctx: QueryCtx, key: Key) => Promise<number | null>> = {
  get: (inner, ctx, key) => inner.get(ctx, key),
  read: async (inner, ctx, key) => {
    const { state, value } = await inner.read(ctx, key);
    expect(state).not.toBe("stale");
    return value;
  },
  getMany: async (inner, ctx, key) => (await inner.getMany(ctx, [key]))[0] ?? null,
};

/** An app with a view `outer`, whose value is ten times that of `inner`. */
function startPair(innerOptions: ListOptions, read = READS.get, outerOptions: ListOptions = {}) {
  const computes = { inner: 0, outer: 0 };
  const inner = listView(
    "inner",
    (ctx, { list }) => {
      computes.inner++;
      return sumOf(ctx, list);
    },
    innerOptions,
  );
  const outer = listView(
    "outer",
    async (ctx, key) => {
      computes.outer++;
      return 10 * Number(await read?.(inner, ctx, key));
    },
    outerOptions,
  );
  return { ...startLists([inner, outer]), inner, outer, computes };
}

describe.each(Object.keys(INNER))("over a view %s", (kind) => {
  describe.each(Object.keys(READS))("that is read with %s", (how) => {
    test.each(["missing", "stale", "fresh"])(
      "while its row is %s, the outer row is right, and made stale",
      async (state) => {
        const app = startPair(INNER[kind] ?? {}, READS[how]);
        const { inner, outer } = app;
        await app.add("a", 1);
        if (state !== "missing") await app.refresh(inner, "a");
        if (state === "stale") await app.mutation((ctx) => inner.invalidate(ctx, { list: "a" }));
        expect(await app.state(inner, "a")).toBe(state);
        const before = await app.rows("inner");

        expect(await app.refresh(outer, "a")).toBe(10);
        expect(await app.state(outer, "a")).toBe("fresh");
        // Computed in place: the inner row is as it was.
        expect(await app.rows("inner")).toEqual(before);
        await app.add("b", 1);
        expect(await app.state(outer, "a")).toBe("fresh");
        await app.add("a", 2);
        expect(await app.state(outer, "a")).toBe("stale");
        expect(await app.refresh(outer, "a")).toBe(30);
        expect(await app.state(outer, "a")).toBe("fresh");
        await app.mutation(async (ctx) => {
          const [item] = await itemsOf(ctx, "a");
          await ctx.db.delete("items", item?._id as never);
        });
        expect(await app.state(outer, "a")).toBe("stale");
        expect(await app.refresh(outer, "a")).toBe(20);
      },
    );
  });

  test("its fresh row is read, not computed; another one is computed once", async () => {
    const app = startPair(INNER[kind] ?? {});
    await app.add("a", 1);
    await app.refresh(app.inner, "a");
    app.computes.inner = 0;
    await app.refresh(app.outer, "a");
    expect(app.computes.inner).toBe(0);
    await app.refresh(app.outer, "b");
    expect(app.computes.inner).toBe(1);
  });

  test("an outer row stays right when the inner row is evicted, or committed again", async () => {
    const app = startPair(INNER[kind] ?? {});
    const { inner, outer } = app;
    await app.add("a", 1);
    await app.refresh(inner, "a");
    await app.refresh(outer, "a");
    await app.refresh(inner, "a");
    expect(await app.state(outer, "a")).toBe("fresh");
    await app.mutation((ctx) => inner.evict(ctx, { list: "a" }));
    expect(await app.state(outer, "a")).toBe("fresh");
    await app.add("a", 1);
    expect(await app.state(outer, "a")).toBe("stale");
  });

  test("in a mutation that writes, refreshes and reads", async () => {
    const app = startPair(INNER[kind] ?? {});
    const { inner, outer } = app;
    const key = { list: "a" };
    await app.mutation(async (ctx) => {
      await ctx.db.insert("items", { list: "a", n: 1 });
      await inner.refresh(ctx, key);
      expect(await outer.refresh(ctx, key)).toBe(10);
      await ctx.db.insert("items", { list: "a", n: 1 });
      expect((await outer.read(ctx, key)).state).toBe("stale");
      expect(await outer.refresh(ctx, key)).toBe(20);
      await ctx.db.insert("items", { list: "a", n: 1 });
    });
    expect(await app.state(outer, "a")).toBe("stale");
    expect(await app.refresh(outer, "a")).toBe(30);
  });

  test("a reader's query computes an outer row that is missing, from what is right now", async () => {
    const app = startPair(INNER[kind] ?? {}, READS.get, { onMissing: "compute" });
    await app.add("a", 1);
    await app.refresh(app.inner, "a");
    await app.mutation((ctx) => app.inner.invalidate(ctx, { list: "a" }));
    await app.t.run(async ({ db }) => void (await db.insert("items", { list: "a", n: 2 })));
    const { result, effects } = await app.collect((ctx) => app.outer.read(ctx, { list: "a" }));
    expect(result).toMatchObject({ state: "missing", value: 30 });
    // No effect is raised for the inner row.
    expect(effects.map(({ args }) => args.view)).toEqual(["outer"]);
  });

  test("a recompute of the outer row has none of the inner row follow", async () => {
    const app = startPair(INNER[kind] ?? {});
    await app.add("a", 1);
    expect(await app.settle((ctx) => app.outer.get(ctx, { list: "a" }))).toBe(10);
    await app.advance(60_000);
    expect(await app.rows("inner")).toEqual([]);
    expect(app.computes).toEqual({ inner: 1, outer: 1 });
  });
});

test("tags, ages and probes of an inner view decide what is read, and do not spread", async () => {
  let outside = 1;
  const read = () => outside;
  const inner: Record<string, ListView> = {
    tagged: listView("tagged", read, { sources: {}, tags: () => ["outside"] }),
    aged: listView("aged", read, { staleWhen: anyOf(invalidated(), olderThan({ minutes: 1 })) }),
    probed: listView("probed", read, {
      staleWhen: anyOf(
        invalidated(),
        changed((ctx: Reader) => sumOf(ctx, "probe")),
      ),
    }),
  };
  for (const view of Object.values(inner)) {
    const outer = listView("outer", async (ctx, key) => Number(await view.get(ctx, key)));
    const app = startLists([view, outer]);
    await app.refresh(view, "a");
    expect(await app.refresh(outer, "a")).toBe(outside);
    outside++;
    await app.mutation((ctx) => app.lazy.invalidateTag(ctx, "outside"));
    await app.add("probe", 1);
    await app.advance(10 * 60_000);
    expect([await app.state(view, "a"), await app.state(outer, "a")]).toEqual(["stale", "fresh"]);
    expect(await app.refresh(outer, "a")).toBe(outside);
    endTestApp();
  }
});

test("another version of an inner view makes the outer rows stale", async () => {
  const views = (version: number): [ListView, ListView, ListView] => {
    const inner = listView("inner", async (ctx, { list }) => version * (await sumOf(ctx, list)), { version });
    const middle = listView("middle", async (ctx, key) => Number(await inner.get(ctx, key)));
    return [inner, middle, listView("outer", async (ctx, key) => Number(await middle.get(ctx, key)))];
  };
  const nextViews = views(2);
  const [, nextMiddle, nextOuter] = nextViews;
  const next = nextDeployment(nextViews);
  const [inner, middle, outer] = views(1);
  const app = startLists([inner, middle, outer], { build: next.build });
  await app.add("a", 5);
  for (const view of [inner, middle, outer]) expect(await app.refresh(view, "a")).toBe(5);
  const state = (view: ListView) => next.query(app, async (ctx) => (await view.peek(ctx, { list: "a" })).state);
  expect([await state(nextMiddle), await state(nextOuter)]).toEqual(["stale", "stale"]);
  expect(await next.mutation(app, (ctx) => nextOuter.refresh(ctx, { list: "a" }))).toBe(10);
  expect([await state(nextMiddle), await state(nextOuter)]).toEqual(["stale", "fresh"]);
});
