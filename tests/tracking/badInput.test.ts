import { afterEach, describe, expect, test, vi } from "vitest";
import { type AppOptions, endTestApp, startTestApp } from "../testApp.js";
import { items, listTable, listView, nextDeployment, startLists, sumOf } from "./lists.js";
import type { Reader } from "./randomReads.js";

afterEach(endTestApp);

describe("a compute that reads very many documents by their ids", () => {
  test.each<[number, AppOptions]>([
    [5_000, {}],
    // Nearly as many as Convex lets a function read by their ids.
    [4_000, { limits: {} }],
  ])("depends on their table: each of %i makes its row stale", async (count, options) => {
    let ids: string[] = [];
    const sums = listView("sums", async (ctx) => {
      let sum = 0;
      for (const id of ids) sum += Number((await ctx.db.get("items", id as never))?.n ?? 0);
      return sum;
    });
    const app = startLists([sums], options);
    ids = await app.mutation(async ({ db }) => {
      return await Promise.all(Array.from({ length: count }, (_, n) => db.insert("items", { list: "a", n })));
    });
    expect(await app.refresh(sums, "all")).toBe((count * (count - 1)) / 2);
    expect((await app.rows("lazyDependencies")).length).toBeLessThanOrEqual(1);
    for (const at of [0, 99, 100, 101, 2_500, count - 1]) {
      await app.mutation(({ db }) => db.patch("items", ids[at] as never, { n: 0 }));
      await app.testing.expectState(sums, { list: "all" }, "stale");
      await app.refresh(sums, "all");
      await app.testing.expectState(sums, { list: "all" }, "fresh");
    }
  });

  test.each([99, 100, 101, 102])("or on each of them, while they are few: %i", async (count) => {
    let ids: string[] = [];
    const sums = listView("sums", async (ctx) => {
      await Promise.all(ids.map((id) => ctx.db.get(id as never)));
      return ids.length;
    });
    const app = startLists([sums]);
    ids = await app.mutation(async ({ db }) => {
      return await Promise.all(Array.from({ length: count }, (_, n) => db.insert("items", { list: "a", n })));
    });
    await app.refresh(sums, "all");
    expect(await app.rows("lazyDependencies")).toHaveLength(count <= 100 ? count : 1);
    for (const at of [0, count - 2, count - 1]) {
      await app.mutation(({ db }) => db.patch(ids[at] as never, { n: 0 } as never));
      await app.testing.expectState(sums, { list: "all" }, "stale");
      await app.refresh(sums, "all");
    }
  });
});

test("a row whose dependencies differ at every recompute leaves none of them behind", async () => {
  let turn = 0;
  const sums = listView(
    "sums",
    async (ctx) => (await sumOf(ctx, `list ${turn}`)) + (await sumOf(ctx, `list ${turn + 1}`)),
  );
  const app = startLists([sums]);
  for (turn = 0; turn < 50; turn++) {
    await app.refresh(sums, "all");
    expect(await app.rows("lazyDependencies")).toHaveLength(2);
  }
  turn = 50;
  await app.add("list 48", 1);
  await app.testing.expectState(sums, { list: "all" }, "fresh");
  await app.add("list 49", 1);
  await app.testing.expectState(sums, { list: "all" }, "stale");
  await app.mutation((ctx) => sums.evict(ctx, { list: "all" }));
  expect(await app.rows("lazyDependencies")).toEqual([]);
  const [shapes, ...others] = await app.rows("lazyShapes");
  expect([shapes?.shapes, others]).toEqual([['["items","list"]'], []]);
});

describe("a table that is missing", () => {
  test("of a tracked view: the error has the remedy, and writes and other views go on", async () => {
    const ghost = listView("ghost", (ctx, { list }) => sumOf(ctx, list));
    const over = listView("over", async (ctx, key) => Number(await ghost.get(ctx, key)));
    const sums = listView("sums", (ctx, { list }) => sumOf(ctx, list));
    const app = startTestApp({ tables: { items, over: listTable, sums: listTable }, views: { ghost, over, sums } });
    const remedy = 'view "ghost" could not be read: is its viewTable() in convex/schema.ts?';
    const key = { list: "a" };
    await expect(app.mutation((ctx) => ghost.refresh(ctx, key))).rejects.toThrow(remedy);
    await expect(app.mutation((ctx) => over.refresh(ctx, key))).rejects.toThrow(remedy);
    await app.mutation((ctx) => sums.refresh(ctx, key));
    await app.mutation((ctx) => ctx.db.insert("items", { list: "a", n: 1 }));
    await app.testing.expectState(sums, key, "stale");
    const { problems } = await app.inspect();
    expect(problems.join("\n")).toContain("ghost: <its viewTable()>");
  });

  test("of a view that is not in the code any more, whose rows had dependencies: writes go on", async () => {
    const sums = listView("sums", (ctx, { list }) => sumOf(ctx, list));
    const next = nextDeployment([listView("other", (ctx, { list }) => sumOf(ctx, list))]);
    const app = startLists([sums], { build: next.build, tables: { other: listTable } });
    await app.refresh(sums, "a");
    await app.t.run(async ({ db }) => {
      const [dependency] = await db.query("lazyDependencies").collect();
      const { _id, _creationTime, ...stored } = dependency as Record<string, unknown>;
      await db.insert("lazyDependencies", { ...stored, view: "gone" } as never);
    });
    await next.mutation(app, (ctx) => ctx.db.insert("items", { list: "a", n: 1 }));
    await app.add("a", 1);
    await app.testing.expectState(sums, { list: "a" }, "stale");
  });

  test("of a dependency: rows stay readable, and writes go on, also those that do not name their table", async () => {
    const withDropped = listView("sums", async (ctx, { list }) => {
      const found = await ctx.db
        .query("dropped")
        .withIndex("by_list", (q) => q.eq("list", list))
        .collect();
      return found.length + (await sumOf(ctx, list));
    });
    const before = startLists([withDropped], { tables: { dropped: items } });
    await before.refresh(withDropped, "a");
    const [rows, dependencies, shapes] = await Promise.all(["sums", "lazyDependencies", "lazyShapes"].map(before.rows));
    endTestApp();

    const sums = listView("sums", (ctx, { list }) => sumOf(ctx, list));
    const app = startLists([sums]);
    await app.t.run(async ({ db }) => {
      for (const [name, documents] of Object.entries({
        sums: rows,
        lazyDependencies: dependencies,
        lazyShapes: shapes,
      })) {
        for (const { _id, _creationTime, ...stored } of documents ?? []) await db.insert(name, stored as never);
      }
    });
    expect(await app.state(sums, "a")).toBe("fresh");
    const id = await app.add("b", 1);
    expect(await app.state(sums, "a")).toBe("fresh");
    await app.mutation((ctx) => ctx.db.patch(id as never, { list: "a" } as never));
    expect(await app.state(sums, "a")).toBe("stale");
    expect(await app.refresh(sums, "a")).toBe(1);
    await app.mutation((ctx) => ctx.db.delete(id as never));
    expect(await app.state(sums, "a")).toBe("stale");
  });
});

describe("a view that is switched", () => {
  test("from declared sources to tracked, and back: no row stays fresh for ever", async () => {
    const compute = (ctx: Pick<Reader, "db">, { list }: { list: string }) => sumOf(ctx, list);
    const declared = listView("sums", compute, { sources: { items: ({ list }: { list: string }) => [{ list }] } });
    const tracked = listView("sums", compute);
    const next = nextDeployment([tracked]);
    const app = startLists([declared], { build: next.build });
    const key = { list: "a" };
    const trackedState = () => next.query(app, async (ctx) => (await tracked.peek(ctx, key)).state);
    const addThere = (n: number) => next.mutation(app, (ctx) => ctx.db.insert("items", { list: "a", n }));
    await app.add("a", 1);
    await app.refresh(declared, "a");
    // The dependencies of the row are not known.
    expect(await trackedState()).toBe("stale");
    expect(await next.mutation(app, (ctx) => tracked.refresh(ctx, key))).toBe(1);
    expect(await trackedState()).toBe("fresh");
    await addThere(2);
    expect(await trackedState()).toBe("stale");
    await next.mutation(app, (ctx) => tracked.refresh(ctx, key));

    await app.add("a", 4);
    expect(await app.state(declared, "a")).toBe("stale");
    expect(await app.refresh(declared, "a")).toBe(7);
    expect(await app.state(declared, "a")).toBe("fresh");
    expect(await app.rows("lazyDependencies")).toEqual([]);
    expect(await trackedState()).toBe("stale");
    await next.mutation(app, (ctx) => tracked.refresh(ctx, key));
    await addThere(8);
    expect(await trackedState()).toBe("stale");
    expect(await app.state(declared, "a")).toBe("stale");
  });
});

test("a view of which nothing is read but the key is fresh for ever, and not tracked by any table", async () => {
  const complaint = vi.spyOn(console, "error");
  const constant = listView("constant", (_, { list }) => list.length);
  const app = startLists([constant]);
  expect(await app.refresh(constant, "abc")).toBe(3);
  await app.add("abc", 1);
  await app.testing.expectState(constant, { list: "abc" }, "fresh");
  expect(await app.rows("lazyDependencies")).toEqual([]);
  expect(complaint).not.toHaveBeenCalled();
});
