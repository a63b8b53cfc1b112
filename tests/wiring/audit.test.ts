import {
  anyApi,
  defineTable,
  type FunctionReference,
  type GenericDataModel,
  type GenericQueryCtx,
  internalMutationGeneric,
  internalQueryGeneric,
} from "convex/server";
import { v } from "convex/values";
import {
  allOf,
  anyOf,
  changed,
  defineView,
  invalidated,
  LazyViews,
  olderThan,
  type Row,
  type Staleness,
  viewTable,
} from "convex-lazy-views";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Audited } from "../../src/model/jobs.js";
import {
  type AppOptions,
  endTestApp,
  type MutationCtx,
  type QueryCtx,
  startTestApp,
  type TestApp,
} from "../testApp.js";
import {
  add,
  copyRow,
  type Key,
  startTotals,
  type Totals,
  type TotalsOptions,
  tables,
  total,
  totalsTable,
} from "../totals.js";

const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
const inspect = anyApi.lazy?.inspect as FunctionReference<"query">;
const sweep = anyApi.lazy?.sweep as FunctionReference<"mutation">;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const key = { list: "a" };

let log: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  log = vi.spyOn(console, "error").mockReturnValue();
  vi.spyOn(console, "warn").mockReturnValue(); // The test kit warns of uncovered reads.
});
afterEach(endTestApp);

/** A heartbeat whose canary arrives; returns what `inspect` reports afterwards. */
async function beat(app: TestApp) {
  const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
  await app.deliver(messages);
  await app.advance();
  return await app.inspect();
}

const TRACKED = { sources: undefined } as unknown as TotalsOptions;

/** An app with one item in the list "a", and a fresh row for it. */
async function start(options: TotalsOptions = TRACKED, appOptions: AppOptions = {}) {
  const app = startTotals(options, appOptions);
  const read = () => app.settle((ctx) => app.totals.get(ctx, key));
  await app.mutation(add("a", 1));
  await read();
  return {
    ...app,
    read,
    beat: () => beat(app),
    /** A write without the library. */
    insertRaw: (list = "a", n = 10) => app.t.run(async (ctx) => void (await ctx.db.insert("items", { list, n }))),
    row: async () => (await app.rows("totals"))[0] as unknown as Row<Key, { count: number; sum: number }>,
  };
}

/** An app with a view over the totals. */
function startTwice(staleWhen: Staleness<Key, Totals> = invalidated()) {
  const totals = defineView("totals", { table: totalsTable, staleWhen, compute: total });
  const twiceTable = viewTable({ key: { list: v.string() }, value: { sum: v.number() } });
  const twice = defineView("twice", {
    table: twiceTable,
    compute: async (ctx: GenericQueryCtx<GenericDataModel>, { list }) => {
      const { sum } = await totals.get(ctx as QueryCtx, { list });
      return { sum: 2 * sum };
    },
  });
  return { app: startTestApp({ tables: { ...tables, twice: twiceTable }, views: { totals, twice } }), totals, twice };
}

describe("the audit marks, names and forgets again", () => {
  const patchInDashboard = async (app: TestApp) => {
    await app.t.run(async (ctx) => {
      const item = await ctx.db.query("items").first();
      if (item) await ctx.db.patch("items", item._id, { n: 5 });
    });
  };
  const importTable = async (app: TestApp) => {
    await app.t.run(async (ctx) => {
      for (const { _id } of await ctx.db.query("items").collect()) await ctx.db.delete("items", _id);
      await ctx.db.insert("items", { list: "a", n: 7 });
    });
  };
  const runRawMutation = (app: TestApp) => app.t.mutation(anyApi.raw?.add as FunctionReference<"mutation">, {});

  test.each([
    ["an edit in the dashboard", patchInDashboard, 5],
    ["an import", importTable, 7],
    ["a raw mutation", runRawMutation, 11],
  ])("%s", async (_, write, sum) => {
    const handler = async (ctx: { db: object }) => void (await add("a", 10)(ctx));
    const modules = { raw: { add: internalMutationGeneric({ args: {}, handler }) } };
    const app = await start(TRACKED, { modules });
    expect((await app.beat()).problems).toEqual([]);

    await write(app);
    await app.testing.expectState(app.totals, key, "fresh");
    const { problems } = await app.beat();
    expect(problems).toEqual([
      expect.stringContaining('view "totals": an audit computed the fresh row {"list":"a"} again'),
    ]);
    expect(problems[0]).toContain("a write bypassed lazy.mutation (the dashboard, an import, a raw mutation)");
    expect(problems[0]).not.toContain("sources");
    expect(log.mock.calls.flat()).toEqual([`convex-lazy-views: ${problems[0]}`]);
    expect(await app.row()).toMatchObject({ dirtyAt: expect.any(Number), markedBy: "audit" });

    expect(await app.read()).toMatchObject({ sum });
    await app.testing.expectState(app.totals, key, "fresh");
    expect((await app.beat()).problems).toEqual([]);
  });

  test("a declared source that misses a key", async () => {
    const app = await start({ sources: { items: () => [{ list: "another" }] } });
    await app.mutation(add("a", 10));
    await app.testing.expectState(app.totals, key, "fresh");
    const { problems, uncovered } = await app.beat();
    expect(problems).toEqual([expect.stringContaining("Or sources do not map a document to all keys that read it")]);
    expect(uncovered).toEqual([expect.stringContaining('which sources.items maps to {"list":"another"}')]);
    expect(await app.read()).toMatchObject({ count: 2, sum: 11 });
    expect(await app.beat()).toMatchObject({ problems: [], uncovered });
  });

  test("in the mode snapshot", async () => {
    const app = await start({ mode: "snapshot" });
    await app.insertRaw();
    expect((await app.beat()).problems).toHaveLength(1);
    expect(await app.read()).toMatchObject({ sum: 11 });
    expect((await app.beat()).problems).toEqual([]);
  });

  test("a leased row is recomputed with no reader asking", async () => {
    const app = await start({ ...TRACKED, lease: { hours: 1 } });
    await app.insertRaw();
    await app.beat();
    await app.advance(20_000);
    expect(await app.row()).toMatchObject({ value: { sum: 11 } });
  });

  test("a row over another view whose row was wrong is repaired after it", async () => {
    const { app, totals, twice } = startTwice();
    await app.mutation(add("a", 1));
    const read = () => app.settle(async (ctx) => [await totals.get(ctx, key), await twice.get(ctx, key)]);
    await read();
    await app.t.run(async (ctx) => void (await ctx.db.insert("items", { list: "a", n: 10 })));
    await beat(app);
    await read();
    await beat(app);
    expect(await read()).toMatchObject([{ sum: 11 }, { sum: 22 }]);
    await beat(app);
    expect((await beat(app)).problems).toEqual([]);
  });
});

describe("a compute that is not deterministic", () => {
  test("is named as such, and its row is not marked again and again", async () => {
    const app = await start({ ...TRACKED, compute: () => ({ count: 0, sum: Math.random() }) });
    const row = await app.row();
    for (let beats = 0; beats < 3; beats++) {
      const { problems } = await app.beat();
      expect(problems).toEqual([expect.stringContaining("two computes in one snapshot differ: compute is not deter")]);
    }
    expect(await app.row()).toEqual(row);
  });

  test("that depends on the environment gives drift, with that cause", async () => {
    vi.stubEnv("RATE", "1");
    const app = await start({ ...TRACKED, compute: () => ({ count: 0, sum: Number(process.env.RATE) }) });
    vi.stubEnv("RATE", "2");
    expect((await app.beat()).problems).toEqual([expect.stringContaining("(the time, process.env)")]);
    expect(await app.read()).toMatchObject({ sum: 2 });
    expect((await app.beat()).problems).toEqual([]);
  });

  test("that throws is no drift, and keeps no other row from being audited", async () => {
    let isBroken = false;
    const app = await start({
      ...TRACKED,
      compute: (ctx, given) => {
        if (isBroken && given.list === "a") throw new Error("no");
        return total(ctx, given);
      },
    });
    await app.settle((ctx) => app.totals.get(ctx, { list: "b" }));
    isBroken = true;
    await app.insertRaw("b");
    expect((await app.beat()).problems).toEqual([expect.stringContaining('the fresh row {"list":"b"}')]);
  });

  test("that takes more time than a query has keeps no other row from being audited", async () => {
    let isSlow = false;
    let hasTakenLong = false;
    const compute: typeof total = (ctx, given) => {
      hasTakenLong ||= isSlow && given.list === "a";
      return total(ctx, given);
    };
    // Convex ends such a query, and its code cannot catch that.
    const build = (lazy: LazyViews<GenericDataModel>) => {
      const functions = lazy.functions();
      const { _handler } = functions.inspect as unknown as {
        _handler: (ctx: object, args: object) => Promise<unknown>;
      };
      const handler = async (ctx: object, args: object) => {
        hasTakenLong = false;
        const answer = await _handler(ctx, args);
        if (hasTakenLong) throw new Error("Function execution timed out");
        return answer;
      };
      return { lazy: { ...functions, inspect: internalQueryGeneric({ args: v.any(), handler }) } };
    };
    const app = await start({ ...TRACKED, compute }, { build: build as AppOptions["build"] & object, audit: 2 });
    for (const list of ["b", "c"]) await app.settle((ctx) => app.totals.get(ctx, { list }));
    isSlow = true;
    await app.insertRaw("c");
    expect((await app.beat()).problems).toEqual([]);
    expect((await app.beat()).problems).toEqual([expect.stringContaining('the fresh row {"list":"c"}')]);
    expect(log.mock.calls.flat()).toEqual([expect.stringContaining('the fresh row {"list":"c"}')]);
  });
});

describe("raises no false alarm", () => {
  test("for a row that is marked, expired, missing, or of another version", async () => {
    const app = await start();
    await app.mutation(add("a", 10));
    await app.testing.expectState(app.totals, key, "stale");
    expect((await app.beat()).problems).toEqual([]);
  });

  test("and leaves a row alone that was computed again since the snapshot", async () => {
    const app = await start();
    const { asOf } = await app.row();
    await app.mutation(add("a", 10));
    await app.read();
    const row = await app.row();
    const finding = { view: "totals", key: row.key, at: Date.now(), kind: "drift" as const, asOf, message: "" };
    const audited: Audited = { after: "", next: row.key, findings: [finding] };
    await app.t.mutation(sweep, { job: { kind: "audit", view: "totals", audited } });
    expect(await app.row()).toEqual(row);
  });

  test.each([
    ["an age", olderThan({ hours: 1 })],
    ["an age as well as marks", anyOf<Key, never>(invalidated(), olderThan({ hours: 1 }))],
    ["marks only after an age", allOf<Key, never>(invalidated(), olderThan({ hours: 1 }))],
    ["a probe", changed<Key, never>(() => 0)],
    [
      "marks only when a probe says something else",
      allOf<Key, never>(
        invalidated(),
        changed(() => 0),
      ),
    ],
  ])("for a row that is guarded by %s", async (_, staleWhen) => {
    const app = await start({ staleWhen: staleWhen as never, compute: () => ({ count: 0, sum: Date.now() }) });
    await app.advance(1_000);
    expect(await app.beat()).toMatchObject({ problems: [], uncovered: [] });
  });

  test("for a row whose tag was invalidated", async () => {
    const app = await start({ ...TRACKED, tags: () => ["all"] });
    await app.insertRaw();
    await app.mutation((ctx) => app.lazy.invalidateTag(ctx, "all"));
    expect((await app.beat()).problems).toEqual([]);
  });

  test("for rows that share a dependency, one document of which has changed", async () => {
    const app = startTotals({
      ...TRACKED,
      compute: async (ctx) => ({ count: (await ctx.db.query("items").collect()).length, sum: 0 }),
    });
    const lists = Array.from({ length: 70 }, (_, i) => ({ list: String(i) }));
    await app.mutation(async (ctx: MutationCtx) => {
      for (const list of lists) await app.totals.refresh(ctx, list);
    });
    await app.mutation(add("a", 1));
    for (let beats = 0; beats < 24; beats++) expect((await beat(app)).problems).toEqual([]);
    const rows = await app.rows("totals");
    expect(rows.filter(({ dirtyAt }) => dirtyAt !== undefined)).toEqual([]);
    await app.testing.expectState(app.totals, { list: "0" }, "stale");
  });

  test("for a row over a view that an age guards", async () => {
    const { app, totals, twice } = startTwice(olderThan({ hours: 1 }));
    await app.mutation(add("a", 1));
    await app.settle(async (ctx) => [await totals.get(ctx, key), await twice.get(ctx, key)]);
    await app.mutation(add("a", 10));
    await app.advance(2 * HOUR);
    await app.testing.expectState(twice, key, "fresh");
    expect((await beat(app)).problems).toEqual([]);
  });

  test.each([
    ["", 0.1 + 0.2, []],
    ["but for more than the last digits", 0.3001, [expect.stringContaining("totals")]],
  ])("for a sum of floats that changes were applied to %s", async (_, stored, problems) => {
    const app = await start({
      applyChange: ({ count, sum }, { before, after }) => ({
        count: count + (after ? 1 : 0) - (before ? 1 : 0),
        sum: sum + (after?.n ?? 0) - (before?.n ?? 0),
      }),
      compute: () => ({ count: 1, sum: 0.3 }),
    });
    await app.t.run(async (ctx) => {
      const { _id } = (await ctx.db.query("totals").first()) as { _id: never };
      await ctx.db.patch("totals", _id, { value: { count: 1, sum: stored } });
    });
    expect((await app.beat()).problems).toEqual(problems);
  });
});

describe("sampling", () => {
  test("reaches every row in the end, whatever the rate, and no row twice in one heartbeat", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 6 }), async (count, rate) => {
        const seen: string[] = [];
        const compute = (_: unknown, { list }: Key) => {
          seen.push(list);
          return { count: 0, sum: 0 };
        };
        const app = startTotals({ ...TRACKED, compute }, { audit: rate });
        try {
          const lists = Array.from({ length: count }, (_, i) => String(i));
          await app.mutation(async (ctx: MutationCtx) => {
            for (const list of lists) await app.totals.refresh(ctx, { list });
          });
          const audited = new Set<string>();
          for (let beats = 0; beats < Math.ceil(count / rate); beats++) {
            seen.length = 0;
            await beat(app);
            expect(seen).toHaveLength(Math.min(rate, count));
            expect(new Set(seen).size).toBe(seen.length);
            for (const list of seen) audited.add(list);
          }
          expect([...audited].sort()).toEqual(lists);
        } finally {
          endTestApp();
        }
      }),
      { numRuns: 25 },
    );
  });

  test("with audit: false, none is computed", async () => {
    const compute = vi.fn(total);
    const app = await start({ ...TRACKED, compute }, { audit: false });
    await app.insertRaw();
    compute.mockClear();
    expect((await app.beat()).problems).toEqual([]);
    expect(compute).not.toHaveBeenCalled();
    expect(await app.row()).not.toHaveProperty("dirtyAt");
  });

  test.each([[0], [-1], [1.5], [true], ["3"], [null]])("audit: %j throws with the remedy", (audit) => {
    const options = { module: "lazy", views: {}, audit } as never;
    expect(() => new LazyViews(options)).toThrow("give how many rows of each view a heartbeat audits, or false");
  });

  test("remembers twenty findings, names one problem a view, and forgets after three days", async () => {
    const app = await start(TRACKED, { audit: 40 });
    await copyRow(app, 30);
    await app.insertRaw();
    const { problems } = await app.beat();
    expect(problems).toEqual([expect.stringContaining("an audit computed the fresh row")]);
    const [health] = (await app.rows("lazyHealth")) as { audits: { findings: { key: string }[] } }[];
    expect(new Set(health?.audits.findings.map((found) => found.key)).size).toBe(20);
    expect(health?.audits.findings).toHaveLength(20);
    await app.advance(3 * DAY + 1);
    expect((await app.inspect()).problems.filter((problem) => problem.includes("audit"))).toEqual([]);
  });

  test("a finding is forgotten when its row is evicted", async () => {
    const app = await start();
    await app.insertRaw();
    expect((await app.beat()).problems).toHaveLength(1);
    await app.mutation((ctx) => app.totals.evict(ctx, key));
    expect((await app.beat()).problems).toEqual([]);
  });
});

test("costs what the rows and their computes read, and one document", async () => {
  const app = await start();
  await app.mutation(async (ctx: MutationCtx) => {
    for (const list of ["b", "c", "d", "e"]) {
      for (let n = 1; n <= 50; n++) await add(list, n)(ctx);
      await app.totals.refresh(ctx, { list });
    }
  });
  const read = async (rows: number): Promise<number> =>
    await app.t.run(async (ctx) => {
      await ctx.runQuery(inspect, { ask: { kind: "audit", view: "totals", rows } });
      return (await ctx.meta.getTransactionMetrics()).documentsRead.used;
    });
  await app.t.run(async (ctx) => void (await ctx.db.insert("lazyHealth", { missed: 0, audits: undefined })));
  // `lazyHealth`, one row, and the one item of "a". The other lists have fifty items each.
  expect(await read(1)).toBe(1 + 1 + 1);
  expect(await read(3)).toBe(1 + 3 + 1 + 2 * 50);
  // There are five rows, and each is audited once.
  expect(await read(100)).toBe(1 + 5 + 1 + 4 * 50);
  await app.t.run(async (ctx) => {
    const { _id } = (await ctx.db.query("lazyHealth").first()) as { _id: never };
    await ctx.db.patch("lazyHealth", _id, { audits: { after: { totals: '{"list":"a"}' }, findings: [] } });
  });
  // As docs/costs.md says.
  expect(await read(3)).toBe(154);
  const written = await app.t.run(async (ctx) => {
    const audited = await ctx.runQuery(inspect, { ask: { kind: "audit", view: "totals", rows: 3 } });
    const before = await ctx.meta.getTransactionMetrics();
    await ctx.runMutation(sweep, { job: { kind: "audit", view: "totals", audited } });
    const { documentsRead, documentsWritten } = await ctx.meta.getTransactionMetrics();
    return [documentsRead.used - before.documentsRead.used, documentsWritten.used - before.documentsWritten.used];
  });
  expect(written).toEqual([2, 1]);
});

test("shapes that no dependency has any more are forgotten by the heartbeat", async () => {
  const app = await start(TRACKED, { tables: { ...tables, others: defineTable({}) } });
  await app.t.run(async (ctx) => {
    const stored = await ctx.db.query("lazyShapes").first();
    if (stored)
      await ctx.db.patch("lazyShapes", stored._id, { shapes: [...(stored.shapes as string[]), '["others"]'] });
  });
  await app.beat();
  expect(await app.rows("lazyShapes")).toMatchObject([{ shapes: ['["items","list"]'] }]);
  await app.mutation(add("a", 1));
  await app.testing.expectState(app.totals, key, "stale");
});
