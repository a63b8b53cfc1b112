import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx } from "../testApp.js";
import { declared, itemsOf, type ListOptions, type ListView, listView, startLists, sumOf } from "./lists.js";

afterEach(endTestApp);

const key = { list: "a" };

describe.each<[string, ListOptions]>([
  ["tracked", {}],
  ["with declared sources", declared],
])("a chain of five views, the first one %s", (_, options) => {
  function startChain() {
    const chain: ListView[] = [listView("view1", (ctx, { list }) => sumOf(ctx, list), options)];
    for (const number of [2, 3, 4, 5]) {
      const [below] = chain.slice(-1) as [ListView];
      chain.push(listView(`view${number}`, async (ctx, key) => Number(await below.get(ctx, key)) + 1));
    }
    return { ...startLists(chain), chain, top: chain.at(-1) as ListView };
  }

  test("is right at its top, though readers ask for nothing else", async () => {
    const app = startChain();
    const { top } = app;
    await app.add("a", 1);
    expect(await app.settle((ctx) => top.get(ctx, key))).toBe(5);
    await app.add("a", 10);
    await app.testing.expectState(top, key, "stale");
    expect(await app.settle((ctx) => top.get(ctx, key))).toBe(15);
    await app.testing.expectState(top, key, "fresh");
    // No reader has asked for these.
    for (const name of ["view1", "view2", "view3", "view4"]) expect(await app.rows(name)).toEqual([]);
  });

  test("is right at each of its views, in whatever order they are recomputed", async () => {
    const orders = [
      [0, 1, 2, 3, 4],
      [4, 3, 2, 1, 0],
      [2, 4, 0, 3, 1],
    ];
    for (const order of orders) {
      const app = startChain();
      for (const n of [1, 10]) {
        await app.add("a", n);
        for (const each of app.chain) expect(await app.state(each, "a")).not.toBe("fresh");
        for (const at of order) await app.refresh(app.chain[at] as ListView, "a");
        const values = await Promise.all(app.chain.map((view) => app.testing.peek(view, key)));
        const sum = n === 1 ? 1 : 11;
        expect(values.map(({ state, value }) => [state, value])).toEqual(
          [0, 1, 2, 3, 4].map((more) => ["fresh", sum + more]),
        );
      }
      await app.add("b", 1);
      for (const each of app.chain) expect(await app.state(each, "a")).toBe("fresh");
      endTestApp();
    }
  });
});

describe("a diamond: a source, two views of it, and a view of both", () => {
  function startDiamond(options: ListOptions) {
    let computes = 0;
    const left = listView("left", (ctx, { list }) => sumOf(ctx, list), options);
    const right = listView("right", async (ctx, { list }) => (await itemsOf(ctx, list)).length, options);
    const top = listView("top", async (ctx, key) => {
      computes++;
      const [sum, count] = [await left.get(ctx, key), await right.get(ctx, key)];
      return 1_000 * Number(sum) + Number(count);
    });
    const app = startLists([left, right, top]);
    /** A page that is subscribed to all three. */
    const read = () =>
      app.collect(async (ctx) => [await left.get(ctx, key), await right.get(ctx, key), await top.get(ctx, key)]);
    return { ...app, read, top, computed: () => computes };
  }

  test.each([{}, declared])("has one recompute of the top a window: %o", async (options) => {
    const app = startDiamond(options);
    const settled = () => app.settle(async (ctx) => app.top.get(ctx, key));
    await app.add("a", 1);
    expect(await settled()).toBe(1_001);
    await app.deliver((await app.read()).messages);
    await app.advance(60_000);
    const before = app.computed();

    await app.add("a", 2);
    for (let i = 0; i < 3; i++) {
      await app.deliver((await app.read()).messages);
      await app.advance(1_000);
    }
    expect((await app.read()).result).toEqual([3, 2, 3_002]);
    expect(app.computed() - before).toBe(1);

    // After another write in the window, one recompute runs at its end.
    await app.add("a", 3);
    for (let i = 0; i < 3; i++) await app.deliver((await app.read()).messages);
    await app.advance(1_000);
    expect(app.computed() - before).toBe(1);
    await app.advance(60_000);
    expect((await app.read()).result).toEqual([6, 3, 6_003]);
    expect((await app.read()).effects).toEqual([]);
    expect(app.computed() - before).toBe(2);
  });
});

describe("a view that needs itself", () => {
  test("with the same key, by another view: the error has the path", async () => {
    const names = ["first", "second", "third"];
    const views: ListView[] = names.map((name, i) =>
      listView(name, async (ctx, key) => Number(await views[(i + 1) % 3]?.get(ctx, key))),
    );
    const app = startLists(views);
    const [first] = views as [ListView];
    const path = /first {"list":"a"}.+second {"list":"a"}.+third {"list":"a"}.+first {"list":"a"}/s;
    await expect(app.refresh(first, "a")).rejects.toThrow(path);
    await app.readAndSettle((ctx) => first.get(ctx, key));
    expect((await app.inspect()).views.first?.failures).toMatchObject([{ message: expect.stringMatching(path) }]);
  });

  test("directly: also in a reader's query, and when the compute reads side by side", async () => {
    const self: ListView = listView("self", async (ctx, key) => Number((await self.getMany(ctx, [key, key]))[0]), {
      onMissing: "compute",
    });
    const app = startLists([self]);
    const path = /self {"list":"a"}.+self {"list":"a"}/s;
    await expect(app.refresh(self, "a")).rejects.toThrow(path);
    await expect(app.collect((ctx) => self.get(ctx, key))).rejects.toThrow(path);
  });

  test("by the rows of its own table, or of one that is computed from them", async () => {
    const read = async (ctx: QueryCtx, table: string) => (await ctx.db.query(table).collect()).length;
    const self = listView("self", (ctx) => read(ctx, "self"));
    const left = listView("left", (ctx) => read(ctx, "right"));
    const right = listView("right", (ctx) => read(ctx, "left"));
    const app = startLists([self, left, right]);
    await expect(app.refresh(self, "a")).rejects.toThrow(/self {"list":"a"} ← self/);
    // While one view has no rows, the other does not need it.
    await app.refresh(left, "a");
    await app.refresh(right, "a");
    expect([await app.state(left, "a"), await app.state(right, "a")]).toEqual(["stale", "stale"]);
    await expect(app.refresh(right, "a")).rejects.toThrow(/right {"list":"a"} ← left {"list":"a"} ← right/);
  });

  test("with other keys only, without a circle: it is right, and becomes stale", async () => {
    // The sum of a path's items, and of those above it: "a/b" is in "a".
    const paths: ListView = listView("paths", async (ctx, { list }) => {
      const above = list.lastIndexOf("/");
      const rest = above < 0 ? 0 : Number(await paths.get(ctx, { list: list.slice(0, above) }));
      return rest + (await sumOf(ctx, list));
    });
    const app = startLists([paths]);
    for (const [list, n] of [
      ["a", 1],
      ["a/b", 2],
      ["a/b/c", 4],
    ] as const) {
      await app.add(list, n);
    }
    await app.refresh(paths, "a/b");
    expect(await app.refresh(paths, "a/b/c")).toBe(7);
    await app.add("a/x", 1);
    expect(await app.state(paths, "a/b/c")).toBe("fresh");
    await app.add("a", 10);
    expect(await app.state(paths, "a/b/c")).toBe("stale");
    expect(await app.refresh(paths, "a/b/c")).toBe(17);
  });
});

describe("an inner compute that throws", () => {
  function startFragile(options: ListOptions) {
    const fragile = listView(
      "fragile",
      async (ctx, { list }) => {
        const sum = await sumOf(ctx, list);
        if (sum < 0) throw new Error(`the sum is ${sum}`);
        return sum;
      },
      options,
    );
    const bare = listView("bare", async (ctx, key) => Number(await fragile.get(ctx, key)));
    const careful = listView("careful", async (ctx, key) => Number(await fragile.get(ctx, key).catch(() => -1)));
    return { ...startLists([fragile, bare, careful]), fragile, bare, careful };
  }

  test.each([{}, declared])("fails the outer recompute, which keeps its value: %o", async (options) => {
    const app = startFragile(options);
    await app.add("a", 1);
    await app.refresh(app.fragile, "a");
    await app.refresh(app.bare, "a");
    await app.add("a", -2);
    await expect(app.refresh(app.bare, "a")).rejects.toThrow("the sum is -1");
    expect(await app.testing.peek(app.bare, key)).toMatchObject({ state: "stale", value: 1 });
    await app.add("a", 5);
    expect(await app.settle((ctx) => app.bare.get(ctx, key))).toBe(4);
  });

  test.each([{}, declared])("is a dependency also when the outer compute catches it: %o", async (options) => {
    const app = startFragile(options);
    await app.add("a", -1);
    expect(await app.refresh(app.careful, "a")).toBe(-1);
    expect(await app.state(app.careful, "a")).toBe("fresh");
    await app.add("a", 3);
    expect(await app.state(app.careful, "a")).toBe("stale");
    expect(await app.refresh(app.careful, "a")).toBe(2);
  });
});
