import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { type Doc, find, startDocs } from "./docs.js";

// Which changes of documents make a row stale, depending on the reads of its compute.

afterEach(endTestApp);

describe("a document that is changed", () => {
  const changes: [what: string, from: Doc, change: Doc, isConcerned: boolean][] = [
    ["into the range", { a: "y" }, { a: "x" }, true],
    ["out of the range", { a: "x" }, { a: "y" }, true],
    ["inside the range", { a: "x" }, { b: 1 }, true],
    ["outside of the range", { a: "y" }, { b: 1 }, false],
    ["to lose the field", { a: "x" }, { a: undefined }, true],
  ];
  const how: Record<string, (db: MutationCtx["db"], id: never, from: Doc, change: Doc) => Promise<void>> = {
    patch: (db, id, _, change) => db.patch(id, change as never),
    "patch of the named table": (db, id, _, change) => db.patch("docs", id, change as never),
    replace: (db, id, from, change) => db.replace(id, { ...from, ...change } as never),
    "replace in the named table": (db, id, from, change) => db.replace("docs", id, { ...from, ...change } as never),
  };
  describe.each(Object.keys(how))("by %s", (name) => {
    test.each(changes)("%s", async (_, from, change, isConcerned) => {
      const app = startDocs(find("by_a", (q) => q.eq("a", "x")));
      const id = await app.insert(from);
      await app.refresh();
      await app.mutation((ctx) => how[name]?.(ctx.db, id as never, from, change));
      expect(await app.state()).toBe(isConcerned ? "stale" : "fresh");
    });
  });

  test.each([false, true])("or deleted, by its id alone or not: %o", async (isNamed) => {
    const app = startDocs(find("by_a", (q) => q.eq("a", "x")));
    const [near, far] = [await app.insert({ a: "x" }), await app.insert({ a: "y" })] as never[];
    const remove = (id: never) => app.mutation((ctx) => (isNamed ? ctx.db.delete("docs", id) : ctx.db.delete(id)));
    await app.refresh();
    await remove(far as never);
    expect(await app.state()).toBe("fresh");
    await remove(near as never);
    expect(await app.state()).toBe("stale");
  });
});

describe("a document that was read by its id", () => {
  test.each([true, false])(
    "makes a row stale when it changes, and no other does; its table is named: %o",
    async (isNamed) => {
      let ids: never[] = [];
      const app = startDocs(async ({ db }) => {
        const [id] = ids;
        if (id === undefined) return null;
        return isNamed ? await db.get("docs", id) : await db.get(id);
      });
      ids = [await app.insert({ a: 1 }), await app.insert({ a: 2 })] as never[];
      const [own, other] = ids as [never, never];
      await app.refresh();
      await app.insert({ a: 3 });
      await app.mutation(async ({ db }) => {
        await db.patch("docs", other, { a: 4 });
        await db.delete(other);
        await db.insert("others", { n: 1 });
      });
      expect(await app.state()).toBe("fresh");
      await app.mutation(({ db }) => db.patch("docs", own, { a: 5 }));
      expect(await app.state()).toBe("stale");
      expect(await app.refresh()).toMatchObject({ a: 5 });
      await app.mutation(({ db }) => db.patch(own, { a: 6 }));
      expect(await app.state()).toBe("stale");
      await app.refresh();
      await app.mutation(({ db }) => db.delete(own));
      expect(await app.state()).toBe("stale");
      expect(await app.refresh()).toBe(null);
      expect(await app.state()).toBe("fresh");
    },
  );
});

test("documents that the compute no longer reads are no dependencies any more", async () => {
  let isWide = true;
  const app = startDocs((ctx) => (isWide ? ctx.db.query("docs").collect() : find("by_a", (q) => q.eq("a", "x"))(ctx)));
  await app.refresh();
  expect(await app.rows("lazyDependencies")).toHaveLength(1);
  isWide = false;
  await app.refresh();
  expect(await app.rows("lazyDependencies")).toHaveLength(1);
  await app.insert({ a: "y" });
  expect(await app.state()).toBe("fresh");
  await app.insert({ a: "x" });
  expect(await app.state()).toBe("stale");
});

test("a recompute that reads the same writes no dependency again, and an eviction removes them", async () => {
  const app = startDocs(async (ctx) => [
    await find("by_a", (q) => q.eq("a", "x"))(ctx),
    await ctx.db.query("others").first(),
  ]);
  await app.refresh();
  const before = await app.rows("lazyDependencies");
  expect(before).toHaveLength(2);
  await app.insert({ a: "x" });
  await app.refresh();
  expect(await app.rows("lazyDependencies")).toEqual(before);
  expect(await app.rows("lazyShapes")).toHaveLength(1);
});
