import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { total } from "../totals.js";
import { a, answerLater, applyChange, type Db, type Item, insert, query, startList, sub } from "./listApp.js";

afterEach(() => {
  endTestApp();
  vi.unstubAllGlobals();
});

type App = Awaited<ReturnType<typeof startList>>;
type Work = (db: Db, id: never, ctx: MutationCtx, app: App) => unknown;

/** Work that a mutation does not await, and the numbers that the list has after it. */
const WORK: Record<string, [Work, number[]]> = {
  "an insert": [(db) => void insert(db, 2), [1, 2]],
  "a patch": [(db, id) => void db.patch(id, { n: 3 }), [3]],
  "a patch that names the table": [(db, id) => void db.patch("items", id, { n: 3 }), [3]],
  "a replace": [(db, id) => void db.replace(id, { list: "a", n: 4 } as never), [4]],
  "a delete": [(db, id) => void db.delete(id), []],
  "several at once": [(db) => void Promise.all([2, 3].map((n) => insert(db, n))), [1, 2, 3]],
  "forEach with an async function": [
    (db) => {
      [2, 3].forEach(async (n) => {
        await insert(db, n);
        await insert(db, n + 10);
      });
    },
    [1, 2, 3, 12, 13],
  ],
  "a query, then a patch of what it found": [
    (db) => {
      void (async () => {
        const [item] = await query(db);
        await db.patch(item?._id as never, { n: 5 });
      })();
    },
    [5],
  ],
  "queries and gets before the first write": [
    (db, id) => {
      void (async () => {
        await query(db);
        await db.query("notes").first();
        const item = (await db.get(id)) as Item | null;
        await query(db);
        await insert(db, (item?.n ?? 0) + 5);
      })();
    },
    [1, 6],
  ],
  "a query that is looped over, with a write for each document": [
    (db) => {
      void (async () => {
        for await (const { _id } of db.query("items")) await db.patch(_id as never, { n: 7 });
      })();
    },
    [7],
  ],
  "a query that is looped over, then a write": [
    (db) => {
      void (async () => {
        let count = 0;
        for await (const _ of db.query("items")) count++;
        await insert(db, 10 * count);
      })();
    },
    [1, 10],
  ],
  "an insert beside something that fails": [
    async (db) => {
      const fails = Promise.reject(new Error("no matter"));
      await Promise.all([insert(db, 2), fails]).catch(() => {});
    },
    [1, 2],
  ],
  "an insert after one that fails": [
    async (db) => {
      const refused = db.insert("items", { list: "a", n: "no number" });
      await Promise.all([refused, insert(db, 2)]).catch(() => {});
    },
    [1, 2],
  ],
  "a refresh, then an insert": [
    (db, _, ctx, app) => {
      void (async () => {
        await app.totals.refresh(ctx, a);
        await insert(db, 2);
      })();
    },
    [1, 2],
  ],
  "a mutation of its own": [(_, __, ctx) => void ctx.runMutation(sub.add, { n: 2 }), [1, 2]],
};

/** Work that the mutation awaits after that. */
const THEN: Record<string, (db: Db, id: never) => unknown> = {
  nothing: () => {},
  reads: async (db, id) => {
    await db.get(id);
    await query(db);
  },
  "a write to another table": (db) => db.insert("notes", { text: "x" }),
};

describe.each([
  ["at once", () => {}],
  ["later", answerLater],
])("a write that nobody awaits, where Convex answers %s,", (_, answer) => {
  const cases = Object.keys(WORK).flatMap((work) => Object.keys(THEN).map((then) => [work, then]));

  test.each(cases)("is committed, and its row out of date: %s, then %s", async (name, then) => {
    const [work, numbers] = WORK[name as string] as [Work, number[]];
    const app = await startList();
    answer();
    await app.mutation(async (ctx) => {
      await work(ctx.db, app.id, ctx, app);
      await THEN[then as string]?.(ctx.db, app.id);
    });
    expect(await app.numbers()).toEqual(numbers);
    expect(await app.read()).toMatchObject({ state: "stale", value: { count: 1, sum: 1 } });
  });

  test.each(Object.keys(WORK))("is applied to its row by applyChange: %s", async (name) => {
    const [work, numbers] = WORK[name] as [Work, number[]];
    const app = await startList({ applyChange });
    answer();
    await app.mutation((ctx) => work(ctx.db, app.id, ctx, app));
    expect(await app.numbers()).toEqual(numbers);
    const sum = numbers.reduce((so, n) => so + n, 0);
    const value = { count: numbers.length, sum };
    expect(await app.read()).toMatchObject({ state: "fresh", value });
  });

  test("is rolled back when the function throws", async () => {
    const app = await startList();
    answer();
    const failing = app.mutation((ctx) => {
      void insert(ctx.db, 2);
      throw new Error("after all");
    });
    await expect(failing).rejects.toThrow("after all");
    expect(await app.numbers()).toEqual([1]);
    expect(await app.read()).toMatchObject({ state: "fresh" });
  });

  test("and so is a refresh, with what the ledger knew of its key", async () => {
    let isBroken = false;
    const app = await startList({
      compute: async (ctx, key) => {
        if (isBroken) throw new Error("broken");
        return await total(ctx, key);
      },
    });
    await app.mutation((ctx) => app.totals.invalidate(ctx, a));
    isBroken = true;
    await app.readAndSettle((ctx) => app.totals.get(ctx, a));
    expect((await app.inspect()).views.totals?.failures).toHaveLength(1);
    isBroken = false;
    answer();
    await app.mutation((ctx) => void app.totals.refresh(ctx, a));
    expect(await app.read()).toMatchObject({ state: "fresh" });
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
  });

  test.each(["invalidate", "evict"] as const)("and so is: %s", async (method) => {
    const app = await startList();
    answer();
    await app.mutation((ctx) => void app.totals[method](ctx, a));
    expect((await app.read()).state).toBe(method === "evict" ? "missing" : "stale");
  });
});
