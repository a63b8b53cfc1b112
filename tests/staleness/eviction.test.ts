import { anyApi, type FunctionReference } from "convex/server";
import { defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, copyRow, startTotals, type TotalsOptions, tables, total, totalsTable, totalsView } from "../totals.js";

afterEach(endTestApp);

const HOUR = 3_600_000;
const evictAfter = { hours: 2 };

/** An app whose row "a" is fresh, and its row "b" stale. */
async function startWithRows(options: TotalsOptions = {}) {
  const app = startTotals({ evictAfter, ...options });
  const lists = [{ list: "a" }, { list: "b" }];
  await app.settle((ctx) => app.totals.getMany(ctx, lists));
  await app.mutation(add("b", 1));
  const kept = async () => (await app.rows("totals")).map(({ key }) => key);
  return { ...app, kept };
}

describe("evictAfter", () => {
  test("deletes a row that has been stale for so long, and keeps fresh ones", async () => {
    const app = await startWithRows();
    await app.advance(2 * HOUR - 1_000);
    expect(await app.kept()).toHaveLength(2);
    await app.advance(2 * HOUR);
    expect(await app.kept()).toEqual(['{"list":"a"}']);
    await app.advance(48 * HOUR);
    expect(await app.kept()).toEqual(['{"list":"a"}']);
    expect(await app.settle((ctx) => app.totals.get(ctx, { list: "b" }))).toEqual({
      count: 1,
      sum: 1,
    });
  });

  test("deletes a row that is written all the time, and that nobody asks for", async () => {
    const app = await startWithRows();
    for (let minute = 0; minute < 240; minute += 2) {
      await app.mutation(add("b", 1));
      await app.advance(120_000);
    }
    expect(await app.kept()).toEqual(['{"list":"a"}']);
  });

  test("finds rows that turn stale later, and ends when there are none", async () => {
    const app = await startWithRows();
    await app.advance(20 * HOUR);
    await app.mutation(add("a", 1));
    await app.advance(4 * HOUR);
    expect(await app.kept()).toEqual([]);
    await app.advance(4 * HOUR);
    expect(await app.rows("lazySweeps")).toEqual([]);
    const pending = (await app.jobs()).filter(({ state }) => state.kind === "pending");
    expect(pending).toEqual([]);
  });

  test("keeps a row that somebody asks for, even if its recompute fails", async () => {
    let isBroken = false;
    const app = await startWithRows({
      compute: async (ctx, key) => {
        if (isBroken) throw new Error("broken");
        return await total(ctx, key);
      },
    });
    isBroken = true;
    for (let hour = 0; hour < 6; hour++) {
      const { messages } = await app.collect((ctx) => app.totals.get(ctx, { list: "b" }));
      await app.deliver(messages);
      await app.advance(HOUR);
    }
    expect(await app.kept()).toContain('{"list":"b"}');
  });

  test("deletes rows of another version, when they have been seen for so long", async () => {
    const app = await startWithRows({ version: 2 });
    await app.t.run(async (ctx) => {
      const [row] = await ctx.db.query("totals").collect();
      await ctx.db.patch(row?._id as never, { version: 1 });
    });
    await app.advance(4 * HOUR);
    expect(await app.kept()).toEqual(['{"list":"a"}']);
    await app.advance(3 * HOUR);
    expect(await app.kept()).toEqual([]);
  });

  test("does not take a row for long stale whose tag was invalidated just now", async () => {
    const app = await startWithRows({ tags: () => ["all"], version: 2, compatible: [1] });
    const scan = anyApi.lazy?.sweep as FunctionReference<"mutation">;
    await app.advance(24 * HOUR);
    await app.settle((ctx) => app.totals.getMany(ctx, [{ list: "a" }, { list: "b" }]));
    await app.advance(24 * HOUR);
    expect(await app.kept()).toHaveLength(2);
    await app.mutation((ctx) => app.lazy.invalidateTag(ctx as never, "all"));
    await app.t.run(async (ctx) => {
      const [, row] = await ctx.db.query("totals").collect();
      await ctx.db.patch(row?._id as never, { version: 1 });
    });
    await app.t.mutation(scan, { job: { kind: "evict", table: "totals", sweepAt: Date.now() } });
    await app.advance();
    expect(await app.kept()).toHaveLength(2);
    await app.advance(4 * HOUR);
    expect(await app.kept()).toEqual([]);
  });

  test("keeps a row whose run is under way, and one that waits for its turn", async () => {
    const app = await startWithRows({ mode: "snapshot", maxParallel: 1 });
    await app.settle((ctx) => app.totals.getMany(ctx, [{ list: "b" }, { list: "c" }]));
    await app.mutation(async (ctx) => {
      for (const list of ["a", "b", "c"]) await app.totals.invalidate(ctx, { list });
    });
    await app.t.run(async (ctx) => {
      const [a, b] = await ctx.db.query("totals").collect();
      const expiresAt = Date.now() + 24 * HOUR;
      await ctx.db.insert("lazyRuns", { view: "totals", key: a?.key, version: 1, args: a?.args, expiresAt });
      await ctx.db.insert("lazyTurns", { view: "totals", key: b?.key, job: {} });
    });
    await app.advance(6 * HOUR);
    expect(await app.kept()).toEqual(['{"list":"a"}', '{"list":"b"}']);
  });

  test("deletes rows that feed many rows of another view, as many as one mutation may mark", async () => {
    const overview = defineView("notes", {
      table: totalsTable,
      sources: {
        totals: ({ args: { list } }: { args: { list: string } }) => [1, 2, 3].map((n) => ({ list: `${list} ${n}` })),
      },
      compute: () => ({ count: 0, sum: 0 }),
    });
    const totals = totalsView({ evictAfter });
    const viewTables = { ...tables, notes: totalsTable };
    const app = startTestApp({ tables: viewTables, views: { totals, overview } });
    await app.mutation((ctx) => totals.refresh(ctx, { list: "0" }));
    await copyRow(app, 120);
    await app.t.run(async (ctx) => {
      for (const row of await ctx.db.query("totals").collect()) {
        await ctx.db.patch(row._id, { dirtyAt: Date.now() });
      }
    });
    await app.advance(5 * HOUR);
    expect(await app.rows("totals")).toEqual([]);
  });

  test("deletes many rows in transactions of a hundred, and none of a view that is gone", async () => {
    const app = startTotals({ evictAfter });
    await app.mutation((ctx) => app.totals.refresh(ctx, { list: "0" }));
    await copyRow(app, 1_050);
    await app.t.run(async (ctx) => {
      const sweepAt = Date.now() + HOUR;
      const gone = { kind: "evict", table: "notes", sweepAt };
      for (let i = 0; i < 3; i++) await ctx.db.insert("notes", { text: "a row of another view" });
      await ctx.db.insert("lazySweeps", gone);
      await ctx.scheduler.runAt(sweepAt, "lazy:sweep" as never, { job: gone } as never);
      for (const row of await ctx.db.query("totals").collect()) {
        await ctx.db.patch(row._id, { dirtyAt: Date.now() });
      }
    });
    await app.advance(4 * HOUR);
    expect(await app.rows("totals")).toEqual([]);
    expect(await app.rows("notes")).toHaveLength(3);
    const sweeps = await app.rows("lazySweeps");
    expect(sweeps.filter(({ table }) => table === "notes")).toEqual([]);
    const scans = (await app.jobs()).filter(({ name, args }) => {
      const { kind, table } = args[0].job ?? {};
      return name === "lazy:sweep" && kind === "evict" && table === "totals";
    });
    expect(scans.length).toBeGreaterThanOrEqual(11);
  });

  test("marks the rows of views that it is a source of", async () => {
    const overview = defineView("notes", {
      table: totalsTable,
      sources: { totals: ({ args }: { args: { list: string } }) => [args] },
      compute: () => ({ count: 0, sum: 0 }),
    });
    const totals = totalsView({ evictAfter });
    const viewTables = { ...tables, notes: totalsTable };
    const app = startTestApp({ tables: viewTables, views: { totals, overview } });
    await app.mutation(async (ctx) => {
      await totals.refresh(ctx, { list: "a" });
      await overview.refresh(ctx, { list: "a" });
    });
    await app.mutation((ctx) => totals.invalidate(ctx, { list: "a" }));
    await app.advance(5 * HOUR);
    expect(await app.rows("totals")).toEqual([]);
    await app.testing.expectState(overview, { list: "a" }, "stale");
  });

  test.each([
    [{ seconds: 59 }, 'view "totals": evictAfter is 59000 ms; give at least a minute'],
    ["a day", 'view "totals": evictAfter is the string "a day"'],
  ])("%o is refused", (wrong, message) => {
    const define = () => defineView("totals", { table: totalsTable, evictAfter: wrong as never, compute: total });
    expect(define).toThrow(message);
  });
});

test("rows of another version stay, in a view that keeps its rows", async () => {
  const app = startTotals({ version: 2 });
  await app.settle((ctx) => app.totals.getMany(ctx, [{ list: "a" }, { list: "b" }]));
  await app.t.run(async (ctx) => {
    const [row] = await ctx.db.query("totals").collect();
    await ctx.db.patch(row?._id as never, { version: 1 });
  });
  await app.advance(2 * HOUR);
  const rows = await app.rows("totals");
  await app.testing.collect(() => app.t.action(anyApi.lazy?.heartbeat as FunctionReference<"action">));
  await app.advance(48 * HOUR);
  expect(await app.rows("totals")).toEqual(rows);
  expect(await app.rows("lazySweeps")).toEqual([]);
});
