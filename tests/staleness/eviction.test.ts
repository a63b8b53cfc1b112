import { anyApi, type FunctionReference } from "convex/server";
import { defineView, invalidated, olderThan } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import {
  add,
  copyRow,
  startTotals,
  type Totals,
  type TotalsOptions,
  tables,
  total,
  totalsTable,
  totalsView,
} from "../totals.js";

afterEach(endTestApp);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const evictAfter = { hours: 2 };
/** How late the two sweeps of a row may be, together. */
const SPANS_MS = (2 * HOUR) / 20;
const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
const sweep = anyApi.lazy?.sweep as FunctionReference<"mutation">;

/** An app whose rows "a" and "b" a reader has asked for once; then "b" turned stale. */
async function startWithRows(options: TotalsOptions = {}) {
  const app = startTotals({ evictAfter, onMissing: "null", ...options });
  await app.settle((ctx) => app.totals.getMany(ctx, [{ list: "a" }, { list: "b" }]));
  await app.mutation(add("b", 1));
  return { ...app, ...keptIn(app) };
}

/** The lists that have a row. */
function keptIn({ rows }: Pick<ReturnType<typeof startTotals>, "rows">) {
  return { kept: async () => (await rows("totals")).map(({ args }) => (args as { list: string }).list).sort() };
}

const paged = {
  mode: "paged",
  compute: undefined,
  page: async (
    ctx: { db: { query: (table: string) => { paginate: (options: object) => unknown } } },
    _: object,
    options: object,
  ) => await ctx.db.query("items").paginate(options),
  initial: () => 0,
  reduce: (count: number) => count + 1,
  finish: (count: number) => ({ count, sum: 0 }),
} as unknown as TotalsOptions;

describe("a row that no reader asks for", () => {
  test.each<[string, TotalsOptions]>([
    ["with the defaults", {}],
    ["computed in a snapshot", { mode: "snapshot" }],
    ["computed in an action", { mode: "action", compute: async () => ({ count: 0, sum: 0 }) }],
    ["computed page by page", paged],
    ["of an age that is shorter", { staleWhen: olderThan({ minutes: 10 }) }],
    ["of an age that is longer", { staleWhen: olderThan({ hours: 720 }) }],
    ["leased for longer", { lease: { hours: 24 } }],
    ["that writes keep up to date", { applyChange: ({ count, sum }) => ({ count: count + 1, sum }) }],
    ["of a view whose recomputes take turns", { maxParallel: 1 }],
    ["of a view with expired values", { expiredWhen: invalidated() }],
    ["with tags", { tags: () => ["all"], sources: {} }],
    ["inside a window that is as long", { window: { hours: 1 } } as TotalsOptions],
  ])("goes when evictAfter is over, and not before, fresh or stale (%s)", async (_, options) => {
    const app = await startWithRows({ ...options, ...(options.mode === "action" && { onMissing: "null" }) });
    await app.advance(2 * HOUR - MINUTE);
    expect(await app.kept()).toEqual(["a", "b"]);
    await app.advance(SPANS_MS + MINUTE);
    expect(await app.kept()).toEqual([]);
    await app.advance(HOUR);
    const left = await Promise.all(["lazySweeps", "lazyRuns", "lazyTurns"].map(app.rows));
    expect(left).toEqual([[], [], []]);
    expect((await app.jobs()).filter(({ state }) => state.kind === "pending")).toEqual([]);
  });

  test("is computed again for the next reader", async () => {
    const app = await startWithRows();
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.settle((ctx) => app.totals.get(ctx, { list: "b" }))).toEqual({ count: 1, sum: 1 });
  });

  test("goes although it is written all the time", async () => {
    const app = await startWithRows();
    for (let minute = 0; minute < 120 + SPANS_MS / MINUTE; minute += 2) {
      await app.mutation(add("b", 1));
      await app.advance(2 * MINUTE);
    }
    expect(await app.kept()).toEqual([]);
  });

  test("goes although the app refreshes it, counted from when it was inserted", async () => {
    const app = startTotals({ evictAfter });
    const { kept } = keptIn(app);
    const commits = new Set<unknown>();
    for (let minute = 0; minute < 130; minute += 10) {
      if ((await kept()).length > 0 || minute === 0)
        await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
      commits.add((await app.rows("totals"))[0]?.asOf);
      await app.advance(10 * MINUTE);
    }
    expect(commits.size).toBeGreaterThan(10);
    expect(await kept()).toEqual([]);
  });

  test("goes when its recompute has failed, and its retries are used up", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    let isBroken = false;
    const app = await startWithRows({
      compute: async (ctx, key) => {
        if (isBroken) throw new Error("broken");
        return await total(ctx, key);
      },
    });
    isBroken = true;
    await app.readAndSettle((ctx) => app.totals.get(ctx, { list: "b" }));
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.kept()).toEqual([]);
  });

  test("goes when its view has another version by now", async () => {
    const app = await startWithRows({ version: 2 });
    await app.t.run(async (ctx) => {
      for (const { _id } of await ctx.db.query("totals").collect()) await ctx.db.patch(_id, { version: 1 });
    });
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.kept()).toEqual([]);
  });

  test("marks the rows of views that it is a source of, when it goes", async () => {
    const overview = defineView("notes", {
      table: totalsTable,
      sources: { totals: ({ args }: { args: { list: string } }) => [args] },
      compute: () => ({ count: 0, sum: 0 }),
    });
    const totals = totalsView({ evictAfter });
    const app = startTestApp({ tables: { ...tables, notes: totalsTable }, views: { totals, overview } });
    await app.mutation(async (ctx) => {
      await totals.refresh(ctx, { list: "a" });
      await overview.refresh(ctx, { list: "a" });
    });
    await app.advance(HOUR + SPANS_MS);
    await app.testing.expectState(overview, { list: "a" }, "fresh");
    await app.advance(HOUR);
    expect(await app.rows("totals")).toEqual([]);
    await app.testing.expectState(overview, { list: "a" }, "stale");
  });
});

describe("very many rows that no reader asks for", () => {
  test("go, a hundred in a transaction", async () => {
    const app = startTotals({ evictAfter });
    await app.settle((ctx) => app.totals.get(ctx, { list: "0" }));
    await copyRow(app, 1_050);
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.rows("totals")).toEqual([]);
    const steps = (await app.jobs()).filter(({ args }) => args[0].job?.table === "totals");
    // Eleven steps that find rows idle, and eleven that delete them.
    expect(steps.length).toBeGreaterThanOrEqual(22);
    expect(steps.length).toBeLessThan(40);
  });

  test("go in smaller steps when they are large, within Convex's limits", async () => {
    const app = startTotals({ evictAfter }, { limits: {} });
    await app.settle((ctx) => app.totals.get(ctx, { list: "0" }));
    await copyRow(app, 14);
    for (const { _id } of await app.rows("totals")) {
      const value = { note: "x".repeat(900_000) };
      await app.t.run(async (ctx) => await ctx.db.patch(_id as never, { value } as never));
    }
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.rows("totals")).toEqual([]);
    expect((await app.jobs()).filter(({ state }) => state.kind === "failed")).toEqual([]);
  });

  test("go in smaller steps when each marks many rows of another view", async () => {
    const overview = defineView("notes", {
      table: totalsTable,
      sources: {
        totals: ({ args: { list } }: { args: { list: string } }) => [1, 2, 3].map((n) => ({ list: `${list} ${n}` })),
      },
      compute: () => ({ count: 0, sum: 0 }),
    });
    const totals = totalsView({ evictAfter });
    const app = startTestApp({ tables: { ...tables, notes: totalsTable }, views: { totals, overview } });
    await app.mutation((ctx) => totals.refresh(ctx, { list: "0" }));
    await copyRow(app, 120);
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.rows("totals")).toEqual([]);
    const steps = (await app.jobs()).filter(({ args }) => args[0].job?.table === "totals");
    expect(steps.length).toBeGreaterThanOrEqual(2 + 4);
  });
});

describe("rows from before the view had evictAfter", () => {
  /** Two rows from before the view had `evictAfter`. No reader had asked for the first one. */
  async function startWithOldRows(options: TotalsOptions = {}) {
    const app = startTotals({ evictAfter, ...options });
    await app.mutation((ctx) => app.totals.refresh(ctx, { list: "0" }));
    await copyRow(app, 2);
    await app.t.run(async (ctx) => {
      const [, second] = await ctx.db.query("totals").collect();
      await ctx.db.patch(second?._id as never, { askedAt: Date.now() });
      for (const { _id } of await ctx.db.query("totals").collect()) await ctx.db.patch(_id, { expiresAt: undefined });
      for (const { _id } of await ctx.db.query("lazySweeps").collect()) await ctx.db.delete(_id);
      const pending = await ctx.db.system.query("_scheduled_functions").collect();
      for (const { _id } of pending) await ctx.scheduler.cancel(_id);
    });
    return { ...app, ...keptIn(app) };
  }

  test.each<[string, (app: Awaited<ReturnType<typeof startWithOldRows>>) => Promise<unknown>]>([
    ["the heartbeat", (app) => app.testing.collect(() => app.t.action(heartbeat))],
    ["the sweep after the next commit", (app) => app.mutation((ctx) => app.totals.refresh(ctx, { list: "new" }))],
    [
      "a scan that the release before has scheduled",
      (app) => app.t.mutation(sweep, { job: { kind: "evict", table: "totals", sweepAt: Date.now(), after: 7 } }),
    ],
  ])("are found by %s", async (_, find) => {
    const app = await startWithOldRows();
    await app.advance(24 * HOUR);
    expect(await app.kept()).toEqual(["0", "1"]);
    await find(app);
    // Readers have as much time to take them back as for any row.
    await app.advance(HOUR - MINUTE);
    expect(await app.kept()).toEqual(expect.arrayContaining(["0", "1"]));
    await app.advance(2 * HOUR + SPANS_MS);
    expect(await app.kept()).toEqual([]);
  });

  test("stay in a view that has no evictAfter", async () => {
    const app = await startWithOldRows({ evictAfter: undefined } as unknown as TotalsOptions);
    const rows = await app.rows("totals");
    await app.testing.collect(() => app.t.action(heartbeat));
    await app.t.mutation(sweep, { job: { kind: "evict", table: "totals", sweepAt: Date.now() } });
    await app.advance(48 * HOUR);
    expect(await app.rows("totals")).toEqual(rows);
    expect(await app.rows("lazySweeps")).toEqual([]);
  });

  test("and of a view that is gone: its sweeps end, and touch no table", async () => {
    const app = startTotals();
    await app.t.run(async (ctx) => {
      await ctx.db.insert("notes", { text: "a row of another view" });
      for (const kind of ["due", "evict"] as const) {
        const gone = { kind, table: "notes", sweepAt: Date.now() + HOUR };
        await ctx.db.insert("lazySweeps", gone);
        await ctx.scheduler.runAt(gone.sweepAt, "lazy:sweep" as never, { job: gone } as never);
      }
    });
    await app.advance(2 * HOUR);
    expect(await app.rows("notes")).toHaveLength(1);
    expect(await app.rows("lazySweeps")).toEqual([]);
  });
});

describe("evictAfter", () => {
  test("counts from the age for no row: one that is stale by its age is kept for its readers as any other", async () => {
    const app = await startWithRows({ staleWhen: olderThan<{ list: string }, Totals>({ minutes: 1 }) });
    await app.advance(HOUR - MINUTE);
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    await app.advance(HOUR + SPANS_MS + MINUTE);
    expect(await app.kept()).toEqual(["a"]);
  });

  test.each([
    [{ seconds: 59 }, 'view "totals": evictAfter is 59 s; give 60 s to 8760 hours'],
    ["a day", 'view "totals": evictAfter is the string "a day"'],
  ])("%o is refused", (wrong, message) => {
    const define = () => defineView("totals", { table: totalsTable, evictAfter: wrong as never, compute: total });
    expect(define).toThrow(message);
  });
});
