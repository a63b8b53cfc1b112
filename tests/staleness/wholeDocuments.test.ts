import { defineTable } from "convex/server";
import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import { add, type Totals, type TotalsOptions } from "../totals.js";
import { a, type Item, insert, startList } from "./listApp.js";

afterEach(endTestApp);

type Stored = Item & { _creationTime: number };
type Work = (ctx: MutationCtx, id: never) => Promise<unknown>;

/** Each way to change an item of the list "a". */
const CHANGES: [string, Work][] = [
  ["insert", ({ db }) => insert(db, 2)],
  ["patch", ({ db }, id) => db.patch(id, { n: 2 })],
  ["replace", ({ db }, id) => db.replace(id, { list: "a", n: 2 } as never)],
  ["delete", ({ db }, id) => db.delete(id)],
  [
    "insert elsewhere, and patch that moves it here",
    async ({ db }) => {
      const id = await db.insert("items", { list: "b", n: 2 });
      await db.patch(id, { list: "a" });
    },
  ],
  ["insert and delete at once", async ({ db }, id) => void (await Promise.all([insert(db, 2), db.delete(id)]))],
];

/** @throws TypeError for a document without all of Convex's own fields. */
function number({ _id, _creationTime, n }: Stored): number {
  (_id as string).slice();
  _creationTime.toFixed();
  return n;
}

describe("functions of a view that swallow their own errors lose nothing, as documents are whole", () => {
  /** Returns no keys for a document that it cannot read. */
  const toKeys = (item: Stored) => {
    try {
      return number(item) >= 0 ? [{ list: item.list }] : [];
    } catch {
      return [];
    }
  };

  test.each(CHANGES)("sources: %s", async (_, change) => {
    const app = await startList({ sources: { items: toKeys } });
    await app.mutation((ctx) => change(ctx, app.id));
    expect(await app.read()).toMatchObject({ state: "stale" });
  });

  /** Returns the value unchanged for a change that it cannot read. */
  const applyChange: TotalsOptions["applyChange"] = (value, { before, after }): Totals => {
    try {
      const left = before === null ? 0 : number(before as Stored);
      const come = after === null ? 0 : number(after as Stored);
      const count = value.count + (after === null ? 0 : 1) - (before === null ? 0 : 1);
      return { count, sum: value.sum + come - left };
    } catch {
      return value;
    }
  };

  test.each(CHANGES)("applyChange: %s", async (_, change) => {
    const app = await startList({ applyChange });
    await app.mutation((ctx) => change(ctx, app.id));
    const numbers = await app.numbers();
    const value = { count: numbers.length, sum: numbers.reduce((sum, n) => sum + n, 0) };
    expect(await app.read()).toMatchObject({ state: "fresh", value });
  });
});

test("a new document is seen as it is stored, in sources and in applyChange", async () => {
  const seen: unknown[] = [];
  const app = await startList({
    sources: {
      items: (item: Item) => {
        seen.push(item);
        return [{ list: item.list }];
      },
    },
    applyChange: (value, { after }) => {
      if (after !== null) seen.push(after);
      return value;
    },
  });
  const changes: Work[] = [
    ({ db }) => db.insert("items", { list: "a", n: 5, note: undefined } as never),
    ({ db }, id) => db.patch(id, { n: 6 }),
    ({ db }, id) => db.replace(id, { list: "a", n: 7, note: undefined } as never),
  ];
  for (const change of changes) {
    seen.length = 0;
    await app.mutation((ctx) => change(ctx, app.id));
    const stored = await app.rows("items");
    const last = stored.find(({ n }) => n === (seen.at(-1) as Item).n);
    expect(Object.keys(last ?? {}).sort()).toEqual(["_creationTime", "_id", "list", "n"]);
    expect(seen.at(-1)).toStrictEqual(last);
    // Sources too have seen it; before that they may have seen the old document.
    expect(seen.at(-2)).toStrictEqual(last);
  }
});

test("a document that is changed again in the same mutation is seen as it was before, and after", async () => {
  const changes: unknown[] = [];
  const n = (item: { n: number } | null) => item?.n ?? null;
  const app = await startList({
    applyChange: (value, { before, after }) => {
      changes.push([n(before), n(after)]);
      return value;
    },
  });
  await app.mutation(async (ctx) => {
    const id = (await add("a", 2)(ctx)) as never;
    await Promise.all([
      ctx.db.patch(id, { n: 3 }),
      ctx.db.replace(id, { list: "a", n: 4 } as never),
      ctx.db.patch(id, { n: 5 }),
      ctx.db.delete(id),
    ]);
  });
  expect(changes).toEqual([
    [null, 2],
    [2, 3],
    [3, 4],
    [4, 5],
    [5, null],
  ]);
  expect(await app.rows("totals")).toMatchObject([{ args: a }]);
});

describe("an object that the app changes after the call is written as it was in the call", () => {
  test("inserts side by side", async () => {
    const app = await startList();
    await app.mutation(async ({ db }) => {
      const item = { list: "a", n: 1 };
      const writes = [2, 3, 4].map((n) => {
        item.n = n;
        return db.insert("items", item);
      });
      item.list = "b";
      await Promise.all(writes);
    });
    expect(await app.rows("items")).toMatchObject([1, 2, 3, 4].map((n) => ({ list: "a", n })));
    expect((await app.read()).state).toBe("stale");
  });

  test.each(["patch", "replace"] as const)("and its row is out of date: %s", async (method) => {
    const app = await startList();
    const b = { list: "b" };
    await app.settle((ctx) => app.totals.get(ctx, b));
    await app.mutation(async ({ db }) => {
      const change = { list: "b", n: 1 };
      const begin = db[method] as (id: never, value: object) => Promise<void>;
      const write = begin(app.id, change);
      change.list = "c";
      await write;
    });
    expect(await app.rows("items")).toMatchObject([{ list: "b" }]);
    await app.testing.expectState(app.totals, b, "stale");
  });
});

test("a change has the documents as Convex stores them, whatever is written", async () => {
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom<unknown[]>(undefined, null, true, "", "text", 0, -0, 1.5, Number.NaN, 7n, [], {}),
    fc.constant([1, { deep: [2n] }]),
    fc.constant({ deep: { deeper: -0 }, gone: undefined }),
    fc.uint8Array({ maxLength: 3 }).map((array) => new Uint8Array(array).buffer),
  );
  const fields = fc.record({ one: value, two: value }, { requiredKeys: [] });
  const method = fc.constantFrom("patch" as const, "replace" as const);
  /** Whether the app names the table; and whether it writes back what it has read. */
  const write = fc.record({ method, fields, isNamed: fc.boolean(), isWhole: fc.boolean() });
  const anything = v.optional(v.any());
  const table = viewTable({ key: {}, value: { writes: v.number() } });
  await fc.assert(
    fc.asyncProperty(fields, fc.array(write, { maxLength: 5 }), async (inserted, writes) => {
      const told: unknown[] = [];
      const view = defineView("anything", {
        table,
        sources: { docs: () => [{}] },
        applyChange: ({ writes: count }, { before, after }) => {
          told.push(before, after);
          return { writes: count + 1 };
        },
        compute: () => ({ writes: 0 }),
      });
      const docs = defineTable({ one: anything, two: anything });
      const app = startTestApp({ tables: { docs, anything: table }, views: { view } });
      const stored: unknown[] = [null];
      await app.mutation((ctx) => view.refresh(ctx, {}));
      await app.mutation(async ({ db }) => {
        const id = await db.insert("docs", inserted as never);
        for (const { method, fields, isNamed, isWhole } of writes) {
          const before = await db.get(id);
          stored.push(before, before);
          const written = (isWhole ? { ...before, ...fields } : fields) as never;
          const change = db[method] as (...args: unknown[]) => Promise<void>;
          await change(...(isNamed ? ["docs"] : []), id, written);
        }
        stored.push(await db.get(id));
      });
      expect(told).toStrictEqual(stored);
      await app.testing.expectState(view, {}, "fresh");
      endTestApp();
    }),
    { numRuns: 150 },
  );
});
