import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
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

/** @throws TypeError for a document that has not all fields which Convex gives it. */
function number({ _id, _creationTime, n }: Stored): number {
  (_id as string).slice();
  _creationTime.toFixed();
  return n;
}

describe("functions of a view that swallow their own errors lose nothing, as documents are whole", () => {
  /** Of a document that it cannot read, it says that no key depends on it. */
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

  /** Of a change that it cannot read, it says that nothing has changed. */
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
    // In sources, too; before that it may have seen the old document.
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
