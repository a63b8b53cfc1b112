import { afterEach, describe, expect, test } from "vitest";
import { endTestApp } from "../testApp.js";
import { add } from "../totals.js";
import { type Db, type Item, insert, query, startList, turns } from "./listApp.js";

afterEach(endTestApp);

/** Runs a function, and collects the unhandled rejections. */
async function unhandledIn(run: () => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  const event = "unhandledRejection";
  const listeners = process.listeners(event);
  process.removeAllListeners(event);
  process.on(event, (reason) => void found.push(String(reason)));
  try {
    await run();
    await turns(3);
  } finally {
    process.removeAllListeners(event);
    for (const listener of listeners) process.on(event, listener);
  }
  return found;
}

describe("a write that is not awaited, and that fails,", () => {
  test.each([
    ["a document that does not fit the schema", (db: Db) => void db.insert("items", { list: "a", n: "no number" })],
    ["of another table", (db: Db) => void db.insert("notes", { text: 7 })],
    ["of a document that is gone", (db: Db, id: never) => void db.delete(id)],
  ])("is unhandled, and the rest is committed: %s", async (_, work) => {
    const app = await startList();
    const gone = await app.mutation(add("b", 1));
    await app.mutation((ctx) => ctx.db.delete(gone as never));
    const unhandled = await unhandledIn(() =>
      app.mutation((ctx) => {
        work(ctx.db, gone as never);
        void insert(ctx.db, 2);
      }),
    );
    expect(unhandled).toHaveLength(1);
    expect(await app.numbers()).toEqual([1, 2]);
    expect((await app.read()).state).toBe("stale");
  });

  test("because its keys cannot be computed, fails the mutation", async () => {
    const toKeys = ({ list, n }: Item) => {
      if (n === 7) throw new Error("no list");
      return [{ list }];
    };
    const app = await startList({ sources: { items: toKeys } });
    const unhandled = await unhandledIn(async () => {
      const failing = app.mutation((ctx) => void insert(ctx.db, 7));
      await expect(failing).rejects.toThrow(/view "totals": sources\.items failed for the document/);
    });
    expect(unhandled).toHaveLength(1);
    expect(await app.numbers()).toEqual([1]);
    expect((await app.read()).state).toBe("fresh");
  });
});

describe("a write that is begun after its mutation has ended", () => {
  const LATE: [string, (db: Db, id: never) => Promise<unknown>][] = [
    ["an insert", (db) => insert(db, 2)],
    ["a patch", (db, id) => db.patch(id, { n: 2 })],
    ["a replace", (db, id) => db.replace("items", id, { list: "a", n: 2 } as never)],
    ["a delete", (db, id) => db.delete(id)],
    ["an insert into another table", (db) => db.insert("notes", { text: "x" })],
  ];

  test.each(LATE)("is rejected, and does nothing: %s", async (_, write) => {
    const app = await startList();
    const kept: Db[] = [];
    await app.mutation((ctx) => void kept.push(ctx.db));
    const errors: unknown[] = [];
    const unhandled = await unhandledIn(() =>
      // Another mutation runs meanwhile: the write must not become a part of its transaction.
      app.mutation(async (ctx) => {
        await write(kept[0] as Db, app.id).catch((error) => errors.push(error));
        await query(ctx.db);
      }),
    );
    expect(errors.map(String)).toEqual([expect.stringMatching(/after its mutation had ended: await /)]);
    expect(unhandled).toEqual([]);
    expect(await app.numbers()).toEqual([1]);
    expect(await app.rows("notes")).toEqual([]);
    expect((await app.read()).state).toBe("fresh");
  });
});
