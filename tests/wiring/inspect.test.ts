import { anyApi, defineTable, type FunctionReference } from "convex/server";
import { v } from "convex/values";
import { changed, defineView, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, startTotals, tables, totalsView } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;

describe("tables", () => {
  test("the library's own that are missing are named, and nothing else fails", async () => {
    const app = startTotals({ onMissing: "null" }, { lacksLazyTables: true });
    const { problems, views, ledger } = await app.inspect();
    const lacks = "convex/schema.ts must have defineSchema({ …, ...lazyTables }).";
    expect(problems[0]).toContain(lacks);
    expect(views.totals).toMatchObject({ rows: 0, stale: 0, more: false, failures: [] });
    expect(ledger).toEqual({ entries: 0, more: false, failures: [] });
    await expect(app.settle((ctx) => app.totals.get(ctx, key))).rejects.toThrow(lacks);
  });

  test.each([
    ["is missing", {}],
    ["is not made by viewTable()", { totals: tables.notes }],
  ])("a view's that %s is named, and the other views are looked at", async (_, own) => {
    const { totals: table, ...others } = tables;
    const elsewhere = defineView("elsewhere", { table, sources: {}, compute: () => ({ count: 0, sum: 0 }) });
    const app = startTestApp({
      tables: { ...others, elsewhere: table, ...own },
      views: { totals: totalsView(), elsewhere },
    });
    await app.mutation((ctx) => elsewhere.refresh(ctx, key));
    const { problems, views } = await app.inspect();
    const problem = "convex/schema.ts must have defineSchema({ …, totals: <its viewTable()> }).";
    expect(problems[0]).toContain(problem);
    expect(views).toMatchObject({ totals: { rows: 0 }, elsewhere: { rows: 1, stale: 0 } });
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    await app.testing.collect(() => app.t.action(heartbeat));
    expect(complaint.mock.calls.flat()).toContainEqual(expect.stringContaining(problem));
  });
});

test("documents of another form than a row's do not hide what is found elsewhere", async () => {
  const { totals: table, ...others } = tables;
  const elsewhere = defineView("elsewhere", { table, sources: {}, compute: () => ({ count: 0, sum: 0 }) });
  const app = startTestApp({
    tables: {
      ...others,
      elsewhere: table,
      totals: defineTable({ key: v.string(), version: v.number() }).index("by_key", ["key"]),
    },
    views: { totals: totalsView({ tags: ({ list }) => [list.trim()] }), elsewhere },
  });
  await app.t.run(async (ctx) => void (await ctx.db.insert("totals", { key: "x", version: 1 } as never)));
  await app.mutation((ctx) => elsewhere.refresh(ctx, key));
  const complaint = vi.spyOn(console, "error");
  const { views, problems } = await app.inspect();
  expect(views).toMatchObject({ totals: { rows: 1, stale: 1 }, elsewhere: { rows: 1, stale: 0 } });
  expect(problems[1]).toContain('view "totals": the row counts as stale, because its predicate threw');
  expect(complaint).not.toHaveBeenCalled();
});

describe("a compute that keeps failing", () => {
  test("is a problem with its message, when its attempts are used up and not before", async () => {
    let isBroken = true;
    const app = startTotals({
      onMissing: "null",
      compute: () => {
        if (isBroken) throw new Error("no such airline");
        return { count: 0, sum: 0 };
      },
    });
    const told = async () => (await app.inspect()).problems.filter((problem) => problem.includes("failed 8 times"));
    await app.readAndSettle((ctx) => app.totals.get(ctx, key));
    expect(await told()).toEqual([]);
    await app.advance(20 * 60_000);
    expect(await told()).toEqual([
      'view "totals": its compute failed 8 times or more for 1 key(s), such as {"list":"a"}: no such airline (A reader ' +
        "or the heartbeat starts the next attempt.)",
    ]);
    await app.readAndSettle((ctx) => app.totals.get(ctx, { list: "b" }));
    await app.advance(20 * 60_000);
    expect(await told()).toEqual([expect.stringContaining('for 2 key(s), such as {"list":"b"}: no such airline')]);
    isBroken = false;
    for (const list of ["a", "b"]) await app.settle((ctx) => app.totals.get(ctx, { list }));
    expect(await told()).toEqual([]);
  });
});

describe("the budget of one query", () => {
  const big = viewTable({ key: { n: v.number() }, value: v.string() });

  /** An app with Convex's limits, and with so many views, each with so many rows of a size. */
  async function start(views: number, rows: number, bytes: number) {
    const names = Array.from({ length: views }, (_, i) => `big${i}`);
    const app = startTestApp({
      tables: Object.fromEntries(names.map((name) => [name, big])),
      views: Object.fromEntries(
        names.map((name) => [name, defineView(name, { table: big, sources: {}, compute: () => "" })]),
      ),
      limits: {},
    });
    for (const name of names) {
      for (let n = 0; n < rows; n += 1_000) {
        await app.t.run(async (ctx) => {
          for (let i = n; i < Math.min(n + 1_000, rows); i++) {
            const row = { key: `{"n":${i}}`, args: { n: i }, value: "x".repeat(bytes), version: 1, asOf: 1n };
            await ctx.db.insert(name as never, { ...row, computedAt: 0, dirtyAt: 1 } as never);
          }
        });
      }
    }
    return app;
  }

  test("is shared by 20 views of large rows: it inspects a row of as many views as there is room for", async () => {
    const app = await start(20, 2, 900_000);
    const { views } = await app.inspect();
    const counts = Object.values(views);
    expect(counts).toHaveLength(20);
    // 16 MiB hold 18 rows, and some room stays reserved for the reads of predicates.
    expect(counts.filter(({ rows }) => rows >= 1).length).toBeGreaterThanOrEqual(16);
    for (const { more } of counts) expect(more).toBe(true);
  });

  test("is enough for a large row of each of 15 views, though each has more than its share", async () => {
    const app = await start(15, 8, 900_000);
    const { views } = await app.inspect();
    for (const { rows, more } of Object.values(views))
      expect({ isSeen: rows >= 1, more }).toEqual({ isSeen: true, more: true });
  });

  test("counts all rows where it is enough", async () => {
    const app = await start(20, 100, 100);
    const { views } = await app.inspect();
    for (const counts of Object.values(views)) expect(counts).toMatchObject({ rows: 100, stale: 100, more: false });
  });

  test("says that a view has more rows than it looks at", async () => {
    const app = await start(1, 5_000, 10);
    expect((await app.inspect()).views.big0).toMatchObject({ rows: 1_000, stale: 1_000, more: true });
  });

  test("is not exceeded by probes that read much", async () => {
    const reading = async (ctx: { db: { query(table: never): { collect(): Promise<unknown[]> } } }) =>
      (await ctx.db.query("items" as never).collect()).length;
    const app = startTotals({ staleWhen: changed(reading as never) }, { limits: {} });
    for (let n = 0; n < 30; n++) await app.mutation(add("b", n));
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    const [row] = await app.rows("totals");
    const { _id, _creationTime, ...fields } = row as Record<string, unknown>;
    await app.t.run(async (ctx) => {
      for (let i = 0; i < 990; i++) await ctx.db.insert("totals", { ...fields, key: `${i}` } as never);
    });
    const { rows, more } = (await app.inspect()).views.totals ?? {};
    expect(rows).toBeGreaterThan(500);
    expect(more).toBe(true);
  });
});
