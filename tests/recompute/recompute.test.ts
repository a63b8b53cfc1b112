import { v } from "convex/values";
import { anyOf, changed, defineView, invalidated, viewTable, when } from "convex-lazy-views";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backoffMs, MAX_ATTEMPTS } from "../../src/effects/ledger.js";
import { MAX_BACKOFF_MS } from "../../src/times.js";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, startTotals, tables, total, totalsTable } from "../totals.js";

afterEach(endTestApp);
const key = { list: "a" };

/** What `compute` does next. */
let next: "work" | "throw" | "wrong value" | "read too much" = "work";
let runs = 0;
beforeEach(() => {
  next = "work";
  runs = 0;
});
const start = (app: Parameters<typeof startTotals>[1] = {}) =>
  startTotals(
    {
      compute: async (ctx, args) => {
        runs++;
        if (next === "throw") throw new Error("the source is closed");
        if (next === "wrong value") return { count: "many", sum: 0 } as never;
        if (next === "read too much") await ctx.db.query("notes").collect();
        return await total(ctx, args);
      },
    },
    app,
  );
type App = ReturnType<typeof start>;

/** Reads, and delivers what the read raised. */
async function readAndDeliver(app: App) {
  const { result, messages } = await app.collect((ctx) => app.totals.read(ctx, key));
  if (messages.length > 0) await app.deliver(messages);
  return result;
}
const failures = async (app: App) => (await app.inspect()).views.totals?.failures;

describe("a recompute", () => {
  test("runs once for many effects, and not again for one that comes late", async () => {
    const app = start();
    const { messages } = await app.collect((ctx) => app.totals.read(ctx, key));
    for (let i = 0; i < 5; i++) await readAndDeliver(app);
    await app.advance(0);
    expect(runs).toBe(1);
    const committed = await app.rows("totals");
    expect(committed).toMatchObject([{ version: 1, args: key }]);
    await app.advance(10_000);
    await app.deliver(messages);
    await app.advance(0);
    expect(runs).toBe(1);
    expect(await app.rows("totals")).toEqual(committed);
  });

  test("that finds the row clean stops without computing", async () => {
    const app = start();
    await readAndDeliver(app);
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    expect(runs).toBe(1);
    const committed = await app.rows("totals");
    await app.advance(0);
    expect(runs).toBe(1);
    expect(await app.rows("totals")).toEqual(committed);
  });

  test("of a row that was evicted meanwhile computes it anew", async () => {
    const app = start();
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    const [evicted] = await app.rows("totals");
    await app.mutation(add("a", 1));
    await readAndDeliver(app);
    await app.mutation((ctx) => app.totals.evict(ctx, key));
    expect(await app.rows("totals")).toEqual([]);
    await app.advance(0);
    const [row] = await app.rows("totals");
    expect(row).toMatchObject({ value: { count: 1 } });
    expect(row?.asOf).toBeGreaterThan(evicted?.asOf as bigint);
  });
});

describe("a compute that fails", () => {
  test("keeps the old value, is remembered with its message, and retried with backoff", async () => {
    const app = start();
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.mutation(add("a", 1));
    next = "throw";
    await readAndDeliver(app);
    await app.advance(0);
    expect(runs).toBe(2);
    expect(await readAndDeliver(app)).toMatchObject({ state: "stale", value: { count: 0 } });
    expect(await failures(app)).toEqual([
      {
        key,
        message: expect.stringContaining("the source is closed"),
        attempts: 1,
        failedAt: expect.any(Number),
        retryAt: expect.any(Number),
      },
    ]);
    next = "work";
    await app.advance(11_000);
    expect(runs).toBe(3);
    expect(await failures(app)).toEqual([]);
    expect(await readAndDeliver(app)).toMatchObject({ state: "fresh", value: { count: 1 } });
  });

  test("is not started by readers before its backoff is over, nor more often than that", async () => {
    const app = start();
    next = "throw";
    const startedAt: number[] = [];
    const before = Date.now();
    await readAndDeliver(app);
    for (let i = 0; i < 600; i++) {
      const known = runs;
      await readAndDeliver(app);
      await app.advance(1_000);
      if (runs > known) startedAt.push(Date.now() - before);
      expect(runs - known).toBeLessThanOrEqual(1);
    }
    expect(runs).toBe(startedAt.length);
    expect(runs).toBeLessThanOrEqual(MAX_ATTEMPTS + 3);
    // The shortest possible backoff: at first the window of 10 s, then it doubles.
    for (const [i, at] of startedAt.slice(1).entries()) {
      const shortest = Math.max(backoffMs(i + 1, 1), 0);
      expect(at - (startedAt[i] as number)).toBeGreaterThanOrEqual(shortest - 1_000);
    }
  });

  test("after its last attempt rests until a reader asks again", async () => {
    const app = start();
    next = "throw";
    await readAndDeliver(app);
    await app.advance(3_600_000);
    expect(runs).toBe(MAX_ATTEMPTS);
    await app.advance(3_600_000);
    expect(runs).toBe(MAX_ATTEMPTS);
    expect(await failures(app)).toMatchObject([{ attempts: MAX_ATTEMPTS }]);
    next = "work";
    await readAndDeliver(app);
    await app.advance(0);
    expect(await readAndDeliver(app)).toMatchObject({ state: "fresh" });
    expect(await failures(app)).toEqual([]);
  });

  test("after its last attempt starts again at the end of the backoff, when a reader asked within it", async () => {
    const app = start();
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.mutation(add("a", 1));
    next = "throw";
    runs = 0;
    await readAndDeliver(app);
    while (runs < MAX_ATTEMPTS) await app.advance(1_000);
    next = "work";
    await readAndDeliver(app);
    await app.advance(MAX_BACKOFF_MS);
    expect(await readAndDeliver(app)).toMatchObject({ state: "fresh", value: { count: 1 } });
  });

  test("rests for its backoff however many jobs are waiting, without a window too", async () => {
    const view = defineView("totals", {
      table: totalsTable,
      window: { seconds: 0 },
      onMissing: "null",
      compute: () => {
        runs++;
        throw new Error("closed");
      },
    });
    const app = startTestApp({ tables, views: { view } });
    const { messages } = await app.collect((ctx) => view.read(ctx, key));
    for (let i = 0; i < 5; i++) await app.deliver(messages);
    await app.advance(0);
    expect(runs).toBe(1);
  });

  test("is over when the row is found fresh", async () => {
    let isStale = false;
    const app = startTotals({
      staleWhen: when(() => isStale),
      compute: async (ctx, args) => {
        if (next === "throw") throw new Error("closed");
        return await total(ctx, args);
      },
    });
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    isStale = true;
    next = "throw";
    await app.readAndSettle((ctx) => app.totals.get(ctx, key));
    expect((await app.inspect()).views.totals?.failures).toHaveLength(1);
    isStale = false;
    await app.advance(10 * 60_000);
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
  });

  test("is retried although the app evicts the row, which does not exist yet", async () => {
    const app = start();
    next = "throw";
    await readAndDeliver(app);
    await app.advance(0);
    expect(await app.mutation((ctx) => app.totals.evict(ctx, key))).toBe(false);
    next = "work";
    await app.advance(11_000);
    expect(await readAndDeliver(app)).toMatchObject({ state: "fresh" });
  });

  test("is reported with its key, whatever Convex values the key holds", async () => {
    const table = viewTable({ key: { n: v.int64(), x: v.number() }, value: v.null() });
    const view = defineView("keyed", {
      table,
      onMissing: "null",
      compute: () => {
        throw new Error("closed");
      },
    });
    const app = startTestApp({ tables: { keyed: table }, views: { view } });
    const { messages } = await app.collect((ctx) => view.read(ctx, { n: 5n, x: -Infinity }));
    await app.deliver(messages);
    await app.advance(0);
    expect((await app.inspect()).views.keyed?.failures).toMatchObject([{ key: { n: 5n, x: -Infinity } }]);
  });

  test("is over when the app refreshes the row, with its backoff", async () => {
    const app = start();
    next = "throw";
    await readAndDeliver(app);
    // By then, with any jitter, the attempts are used up, and the last one's window is over, but not its backoff.
    await app.advance(165_000);
    expect(runs).toBe(MAX_ATTEMPTS);
    next = "work";
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    expect(await failures(app)).toEqual([]);
    await app.mutation(add("a", 1));
    await readAndDeliver(app);
    await app.advance(10);
    expect(await readAndDeliver(app)).toMatchObject({ state: "fresh", value: { count: 1 } });
  });

  test("keeps its failure readable for a day, then clean-up forgets it", async () => {
    const app = start();
    next = "throw";
    await readAndDeliver(app);
    await app.advance(20 * 3_600_000);
    expect(await failures(app)).toHaveLength(1);
    await app.advance(6 * 3_600_000);
    expect(await failures(app)).toEqual([]);
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("by a value of the wrong type names the field, what was expected and what it got", async () => {
    const app = start();
    next = "wrong value";
    await readAndDeliver(app);
    await app.advance(0);
    expect(await failures(app)).toMatchObject([
      {
        message: expect.stringContaining('view "totals": value.count: expected number, got the string "many"'),
      },
    ]);
    expect(await app.rows("totals")).toEqual([]);
  });

  test("by reading more documents than a transaction may is remembered too", async () => {
    const app = start({ tables, limits: { documentsRead: 500 } });
    for (let i = 0; i < 3; i++) {
      await app.t.run(async (ctx) => {
        for (let n = 0; n < 200; n++) await ctx.db.insert("notes", { text: "x" } as never);
      });
    }
    next = "read too much";
    await readAndDeliver(app);
    await app.advance(0);
    expect(await failures(app)).toMatchObject([{ message: expect.stringContaining("Scanned too many documents") }]);
    next = "work";
    await app.advance(11_000);
    expect(await readAndDeliver(app)).toMatchObject({ state: "fresh" });
  });

  test("by a predicate that is always stale is a mistake of the view: it cannot spin", async () => {
    const app = startTotals({ staleWhen: when(() => true) });
    const read = () => app.readAndSettle((ctx) => app.totals.read(ctx, key));
    for (let i = 0; i < 5; i++) expect(await read()).toMatchObject({ state: "missing" });
    expect((await app.inspect()).views.totals?.failures).toMatchObject([
      {
        message: expect.stringContaining("staleWhen calls the row stale right after it was computed"),
      },
    ]);
    expect(await app.rows("totals")).toEqual([]);
  });

  test("for a view that is not in the code any more is remembered, and not retried", async () => {
    const app = start();
    await app.dispatch([
      {
        target: "lazy:recompute",
        args: { view: "removed", args: key },
        windowMs: 1_000,
        seen: 0n,
      },
    ]);
    await app.advance(60_000);
    expect((await app.inspect()).ledger.failures).toMatchObject([
      { attempts: 1, message: expect.stringContaining('view "removed" is not in new LazyViews({ views })') },
    ]);
  });

  test("for a view that is not in the code lets the row's readers ask, should it come back", async () => {
    const app = start();
    await readAndDeliver(app);
    await app.advance();
    await app.t.run(async (ctx) => {
      const [row] = await ctx.db.query("totals").collect();
      const now = Date.now();
      await ctx.db.patch(row?._id as never, { pendingUntil: now + 60_000, dirtyAt: now });
    });
    const old = startTestApp({ tables, views: {} });
    const [row] = await app.rows("totals");
    await old.t.run(async (ctx) => {
      const { _id, _creationTime, ...fields } = row as Record<string, unknown>;
      await ctx.db.insert("totals", fields);
    });
    await old.dispatch([
      {
        target: "lazy:recompute",
        args: { view: "totals", args: key },
        windowMs: 1_000,
        seen: row?.asOf,
      },
    ]);
    await old.advance();
    expect((await old.rows("totals"))[0]).not.toHaveProperty("pendingUntil");
  });

  test("for a key that fits the view no more names the field, and is not retried", async () => {
    const app = start();
    await app.dispatch([
      {
        target: "lazy:recompute",
        args: { view: "totals", args: { list: 5 } },
        windowMs: 1_000,
        seen: 0n,
      },
    ]);
    await app.advance(60_000);
    expect(await failures(app)).toMatchObject([
      { attempts: 1, message: 'view "totals": key.list: expected string, got the number 5.' },
    ]);
  });
});

test("backoff doubles up to its limit, and jitter takes at most half of it away", () => {
  expect([1, 2, 3, 4].map((attempts) => backoffMs(attempts, 0))).toEqual([1e3, 2e3, 4e3, 8e3]);
  expect(backoffMs(4, 1)).toBe(4_000);
  expect(backoffMs(50, 0)).toBe(MAX_BACKOFF_MS);
});

test("inspect counts rows and stale rows, and says when it counted only some", async () => {
  vi.spyOn(console, "debug").mockImplementation(() => {});
  const app = start();
  await app.mutation(async (ctx) => {
    for (const list of ["a", "b", "c"]) await app.totals.refresh(ctx, { list });
    await app.totals.invalidate(ctx, { list: "b" });
  });
  expect((await app.inspect()).views.totals).toEqual({
    rows: 3,
    stale: 1,
    staleSince: Date.now(),
    recomputed: 3,
    more: false,
    windowMs: 10_000,
    ageMs: null,
    failures: [],
  });
  await app.advance(61_000);
  expect((await app.inspect()).views.totals).toMatchObject({ recomputed: 0, staleSince: Date.now() - 61_000 });
  for (let batch = 0; batch < 5; batch++) {
    await app.t.run(async (ctx) => {
      const [row] = await ctx.db.query("totals").take(1);
      const { _id, _creationTime, ...fields } = row as never as Record<string, unknown>;
      for (let i = 0; i < 200; i++) {
        await ctx.db.insert("totals", { ...fields, key: `${batch} ${i}` } as never);
      }
    });
  }
  expect((await app.inspect()).views.totals).toMatchObject({ rows: 1_000, more: true });
});

test("inspect stops before its predicates have read more than a query may", async () => {
  const app = startTotals(
    { staleWhen: changed(async (ctx) => (await ctx.db.query("items").collect()).length) },
    { limits: {} },
  );
  await app.t.run(async (ctx) => {
    for (let n = 0; n < 40; n++) await ctx.db.insert("items", { list: "a", n });
  });
  await app.mutation((ctx) => app.totals.refresh(ctx, key));
  const [row] = await app.rows("totals");
  const { _id, _creationTime, ...fields } = row as Record<string, unknown>;
  await app.t.run(async (ctx) => {
    for (let i = 0; i < 900; i++) await ctx.db.insert("totals", { ...fields, key: `${i}` });
  });
  const { rows, more } = (await app.inspect()).views.totals as { rows: number; more: boolean };
  expect(more).toBe(true);
  expect(rows).toBeGreaterThan(500);
});

test("a row that was found fresh after all, and turns stale in the same window, is asked for again", async () => {
  let probe = 1;
  const app = startTotals({
    staleWhen: anyOf(
      invalidated(),
      changed(() => probe),
    ),
  });
  const read = () => app.collect((ctx) => app.totals.read(ctx, { list: "a" }));
  await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
  await app.advance(10_000);
  probe = 2;
  const { messages } = await read();
  probe = 1;
  await app.deliver(messages);
  await app.advance();
  await app.mutation(add("a", 1));
  const { result, messages: more } = await read();
  expect(result.state).toBe("stale");
  await app.deliver(more);
  await app.advance(10_000);
  expect((await read()).result).toMatchObject({ state: "fresh", value: { count: 1 } });
});
