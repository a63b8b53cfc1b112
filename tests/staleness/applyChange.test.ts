import {
  anyApi,
  type FunctionReference,
  type GenericDataModel,
  type GenericQueryCtx,
  mutationGeneric,
} from "convex/server";
import { v } from "convex/values";
import { Triggers } from "convex-helpers/server/triggers";
import { anyOf, defineView, invalidated, viewTable, when } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import {
  add,
  startTotals,
  type Totals,
  type TotalsOptions,
  tables,
  total,
  totalsTable,
  totalsView,
} from "../totals.js";

afterEach(endTestApp);

const a = { list: "a" };
const b = { list: "b" };
type Item = { list: string; n: number };
type Change = { before: Item | null; after: Item | null };

/** Updates count and sum by the change. */
const applyChange = ({ count, sum }: Totals, { before, after }: Change): Totals => ({
  count: count + (after ? 1 : 0) - (before ? 1 : 0),
  sum: sum + (after?.n ?? 0) - (before?.n ?? 0),
});

/** An app with fresh rows of two lists. */
async function start(options: TotalsOptions = {}, app?: Parameters<typeof startTotals>[1]) {
  const computed: string[] = [];
  const started = startTotals(
    {
      applyChange,
      compute: async (ctx, key) => {
        computed.push(key.list);
        return await total(ctx, key);
      },
      ...options,
    },
    app,
  );
  for (const key of [a, b]) await started.settle((ctx) => started.totals.get(ctx, key));
  await started.advance(10_000);
  computed.length = 0;
  const read = async (key: { list: string }) => (await started.collect((ctx) => started.totals.read(ctx, key))).result;
  return { ...started, computed, read };
}

describe("a view that applies changes", () => {
  test("tells the views that are computed from its rows", async () => {
    const totals = totalsView({ applyChange });
    const table = viewTable({ key: {}, value: { sum: v.number() } });
    const largest = defineView("largest", {
      table,
      sources: { totals: () => [{}] },
      compute: async (ctx: GenericQueryCtx<GenericDataModel>) => {
        const rows = (await ctx.db.query("totals").collect()) as unknown as { value: Totals }[];
        return { sum: Math.max(...rows.map(({ value }) => value.sum)) };
      },
    });
    const app = startTestApp({
      tables: { ...tables, largest: table },
      views: { totals, largest },
    });
    await app.settle((ctx) => totals.get(ctx, a));
    await app.settle((ctx) => largest.get(ctx, {}));
    await app.mutation(add("a", 3));
    await app.testing.expectState(totals, a, "fresh");
    await app.testing.expectState(largest, {}, "stale");
    expect(await app.settle((ctx) => largest.get(ctx, {}))).toEqual({ sum: 3 });
  });

  test("stays fresh and right through inserts, patches, moves, replaces and deletes, and computes nothing", async () => {
    const app = await start();
    const id = await app.mutation(add("a", 3));
    expect(await app.read(a)).toMatchObject({ state: "fresh", value: { count: 1, sum: 3 } });
    const changes: [(ctx: MutationCtx) => Promise<unknown>, Totals, Totals][] = [
      [(ctx) => ctx.db.patch(id as never, { n: 5 }), { count: 1, sum: 5 }, { count: 0, sum: 0 }],
      [(ctx) => ctx.db.patch(id as never, { list: "b" }), { count: 0, sum: 0 }, { count: 1, sum: 5 }],
      [(ctx) => ctx.db.replace(id as never, { list: "a", n: 7 } as never), { count: 1, sum: 7 }, { count: 0, sum: 0 }],
      [(ctx) => ctx.db.delete(id as never), { count: 0, sum: 0 }, { count: 0, sum: 0 }],
    ];
    for (const [change, ofA, ofB] of changes) {
      await app.mutation(change);
      expect(await app.read(a)).toMatchObject({ state: "fresh", value: ofA });
      expect(await app.read(b)).toMatchObject({ state: "fresh", value: ofB });
    }
    expect(app.computed).toEqual([]);
  });

  test("takes in every change of one mutation", async () => {
    const app = await start();
    await app.mutation(async (ctx) => {
      await Promise.all([1, 2, 3].map((n) => add("a", n)(ctx)));
    });
    expect(await app.read(a)).toMatchObject({ state: "fresh", value: { count: 3, sum: 6 } });
  });

  test("marks a row when applyChange returns undefined, and computes it when it is read", async () => {
    const app = await start({ applyChange: () => undefined });
    await app.mutation(add("a", 1));
    expect(await app.read(a)).toMatchObject({ state: "stale", value: { count: 0 } });
    await app.settle((ctx) => app.totals.get(ctx, a));
    expect(await app.read(a)).toMatchObject({ state: "fresh", value: { count: 1 } });
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no idea");
      },
      "no idea",
    ],
    ["gives what does not fit", () => ({ count: "one" }), "value.count: expected number, got the string"],
  ])("marks a row when applyChange %s, and says so", async (_, broken, reason) => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    const app = await start({ applyChange: broken as never });
    await app.mutation(add("a", 1));
    expect((await app.read(a)).state).toBe("stale");
    expect(complaints.mock.lastCall?.[0]).toContain(
      'view "totals": applyChange failed for {"list":"a"}, whose row will be computed anew: ',
    );
    expect(complaints.mock.lastCall?.[0]).toContain(reason);
  });

  test("marks a row that is marked already no further, until it was computed", async () => {
    const app = await start();
    await app.mutation((ctx) => app.totals.invalidate(ctx, a));
    await app.mutation(add("a", 1));
    expect(await app.read(a)).toMatchObject({ state: "stale", value: { count: 0 } });
    await app.settle((ctx) => app.totals.get(ctx, a));
    await app.mutation(add("a", 1));
    expect(await app.read(a)).toMatchObject({ state: "fresh", value: { count: 2 } });
    expect(app.computed).toEqual(["a"]);
  });

  test("leaves rows of a lease that is over to their next reader", async () => {
    const app = await start({ lease: { minutes: 5 } });
    await app.mutation(add("a", 1));
    expect(await app.read(a)).toMatchObject({ state: "fresh", value: { count: 1 } });
    await app.advance(5 * 60_000);
    await app.mutation(add("a", 1));
    expect(await app.read(a)).toMatchObject({ state: "stale", value: { count: 1 } });
  });

  test("keeps the age and the snapshot of the row", async () => {
    const app = await start();
    const [before] = await app.rows("totals");
    await app.advance(60_000);
    await app.mutation(add("a", 1));
    const [after] = await app.rows("totals");
    expect(after).toEqual({ ...before, value: { count: 1, sum: 1 } });
  });

  test("does not lose a change beside a refresh in the same mutation", async () => {
    for (const ticks of [0, 3, 10, 30]) {
      const app = await start();
      await app.mutation(async (ctx) => {
        const later = async () => {
          for (let i = 0; i < ticks; i++) await Promise.resolve();
          await add("a", 1)(ctx);
        };
        await Promise.all([app.totals.refresh(ctx, a), later()]);
      });
      const { state, value } = await app.read(a);
      expect(state === "stale" || value?.count === 1, `${ticks} ticks`).toBe(true);
      endTestApp();
    }
  });

  test("does not lose or double a change beside a sub-mutation that writes and refreshes", async () => {
    for (const ticks of [0, 3, 10, 30]) {
      const app = await start(
        {},
        {
          build: (lazy) => ({
            sub: {
              addAndRefresh: lazy.mutation(mutationGeneric)({
                args: {},
                handler: async (ctx) => {
                  await add("a", 1)(ctx);
                  await app.totals.refresh(ctx, a);
                },
              }),
            },
          }),
        },
      );
      const addAndRefresh = anyApi.sub?.addAndRefresh as FunctionReference<"mutation">;
      await app.mutation(async (ctx) => {
        await add("a", 1)(ctx);
        const later = async () => {
          for (let i = 0; i < ticks; i++) await Promise.resolve();
          await add("a", 1)(ctx);
        };
        await Promise.all([ctx.runMutation(addAndRefresh), later()]);
        await add("a", 1)(ctx);
      });
      const { state, value } = await app.read(a);
      expect(state === "stale" || value?.count === 4, `${ticks} ticks`).toBe(true);
      endTestApp();
    }
  });

  test("costs a write the row, read and written", async () => {
    const app = await start();
    const used = await app.mutation(async (ctx) => {
      await add("a", 1)(ctx);
      const { documentsRead, documentsWritten } = await ctx.meta.getTransactionMetrics();
      return { read: documentsRead.used, written: documentsWritten.used };
    });
    // The document is read back, and Convex's patch reads the row a second time.
    expect(used).toEqual({ read: 3, written: 2 });
  });
});

describe("a write beside a refresh in one mutation", () => {
  /** A trigger of the app's own that takes its time. */
  const triggers = new Triggers<GenericDataModel>();
  triggers.register("items", async (ctx) => {
    for (let i = 0; i < 10; i++) await ctx.innerDb.query("notes").collect();
  });
  /** A predicate that takes its time when the row is judged. */
  const slowPredicate = when<{ list: string }, Totals>(async (_, ctx) => {
    for (let i = 0; i < 10; i++) await ctx.db.query("notes").collect();
    return false;
  });
  const waits = [0, 1, 2, 3, 5, 8, 12, 20, 40, 60, 100];

  test.each<[string, TotalsOptions, boolean]>([
    ["with applyChange", { applyChange }, true],
    ["with applyChange, of a row that is missing", { applyChange }, false],
    ["with marks and a slow predicate", { staleWhen: anyOf(invalidated(), slowPredicate) }, true],
  ])("never leaves a row fresh and wrong: %s", async (_, options, isThere) => {
    for (const isWriteFirst of [false, true]) {
      for (const ticks of waits) {
        const app = startTotals(options);
        if (isThere) await app.settle((ctx) => app.totals.get(ctx, a));
        await app.advance(10_000);
        await app.mutation(async (ctx) => {
          const write = () => add("a", 1)(triggers.wrapDB(ctx));
          const refresh = () => app.totals.refresh(ctx, a);
          const later = async (work: () => Promise<unknown>) => {
            for (let i = 0; i < ticks; i++) await Promise.resolve();
            await work();
          };
          if (isWriteFirst) await Promise.all([write(), later(refresh)]);
          else await Promise.all([refresh(), later(write)]);
        });
        const read = await app.collect((ctx) => app.totals.read(ctx, a));
        const { state, value } = read.result;
        expect(state === "stale" || value?.count === 1, `${ticks}: ${state} ${value?.count}`).toBe(true);
        endTestApp();
      }
    }
  });

  test("and one after it, or before it, leaves it fresh", async () => {
    for (const isWriteFirst of [false, true]) {
      const app = startTotals({ applyChange });
      await app.settle((ctx) => app.totals.get(ctx, a));
      await app.advance(10_000);
      await app.mutation(async (ctx) => {
        if (isWriteFirst) await add("a", 1)(ctx);
        await app.totals.refresh(ctx, a);
        if (!isWriteFirst) await add("a", 1)(ctx);
      });
      await app.testing.expectState(app.totals, a, "fresh");
      expect(await app.rows("totals")).toMatchObject([{ value: { count: 1 } }]);
      endTestApp();
    }
  });
});

test("applyChange that is no function, or has no sources, is refused", () => {
  const options = { table: totalsTable, compute: total };
  expect(() => defineView("totals", { ...options, sources: { items: () => [] }, applyChange: 1 as never })).toThrow(
    'view "totals": applyChange is the number 1; give a function.',
  );
  expect(() => defineView("totals", { ...options, applyChange: (value: Totals) => value })).toThrow(
    'view "totals": sources is undefined; applyChange needs them.',
  );
});
