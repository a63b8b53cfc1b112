import { anyApi, type FunctionReference, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { defineView, invalidated } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Mode } from "../../src/views/definition.js";
import { type AppOptions, endTestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const sums = {
  total: queryGeneric({
    args: { list: v.string() },
    handler: async (ctx, args) => await total(ctx as never, args),
  }),
};

/** An app whose totals are computed in an action, which first does what the test wants. */
function startInAction(options: TotalsOptions = {}, more: AppOptions = {}) {
  const during = { run: async (): Promise<unknown> => null };
  const app = startTotals(
    {
      mode: "action",
      compute: async (ctx, args) => {
        await during.run();
        return await ctx.runQuery(anyApi.sums?.total as FunctionReference<"query">, args);
      },
      ...options,
    },
    { modules: { sums }, ...more },
  );
  const read = () => app.collect((ctx) => app.totals.read(ctx, key));
  return {
    ...app,
    read,
    /** Runs this once, between the begin and the commit of the next run. */
    duringRun(work: () => Promise<unknown>) {
      during.run = async () => {
        during.run = async () => null;
        await work();
      };
    },
    async readAndDeliver() {
      const { result, messages } = await read();
      await app.deliver(messages);
      await app.advance();
      return result;
    },
  };
}

describe.each<Mode>(["snapshot", "action"])("a run in the mode %s", (mode) => {
  const start = () => (mode === "action" ? startInAction() : startInSnapshot());
  const startInSnapshot = () => startInAction({ mode, compute: total });

  test("computes a missing row, and a stale one, and leaves no trace of itself", async () => {
    const app = start();
    await app.mutation(add("a", 2));
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 1, sum: 2 });
    await app.mutation(add("a", 3));
    await app.testing.expectState(app.totals, key, "stale");
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 2, sum: 5 });
    const [row] = await app.rows("totals");
    expect(row).toMatchObject({ seq: 2 });
    for (const field of ["refreshing", "dirtyAt", "pending"]) expect(row).not.toHaveProperty(field);
    const left = (await app.jobs()).filter(({ name, state }) => {
      return name !== "lazy:sweep" && state.kind === "pending";
    });
    expect(left).toEqual([]);
  });

  test("that fails is remembered, retried, and leaves the old value", async () => {
    let isBroken = false;
    const broken: TotalsOptions["compute"] = () => {
      if (isBroken) throw new Error("broken compute");
      return { count: 7, sum: 7 };
    };
    const app = startInAction({ mode, compute: broken });
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.advance(10_000);
    await app.mutation((ctx) => app.totals.invalidate(ctx, key));
    isBroken = true;
    await app.readAndDeliver();
    expect((await app.inspect()).views.totals?.failures).toMatchObject([
      { message: expect.stringContaining("broken compute"), attempts: 1 },
    ]);
    const { result, effects } = await app.read();
    expect(result).toMatchObject({ state: "stale", value: { count: 7 } });
    expect(effects).toHaveLength(1);
    isBroken = false;
    await app.advance(60_000);
    await app.testing.expectState(app.totals, key, "fresh");
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
  });

  test("that fails for a row without a value leaves none", async () => {
    const app = startInAction({
      mode,
      compute: () => {
        throw new Error("broken compute");
      },
    });
    await app.readAndDeliver();
    expect(await app.rows("totals")).toEqual([]);
    expect((await app.read()).effects).toHaveLength(1);
  });

  test("whose value does not fit the view fails", async () => {
    const app = startInAction({ mode, compute: () => ({ count: "many" }) as never });
    await app.readAndDeliver();
    const [failure] = (await app.inspect()).views.totals?.failures ?? [];
    expect(failure?.message).toContain('view "totals": value.count: expected number');
  });
});

describe("while a run lasts", () => {
  test("its readers get the old value and raise nothing", async () => {
    const app = startInAction();
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.advance(10_000);
    await app.mutation(add("a", 1));
    const { messages } = await app.read();
    const during = vi.fn();
    app.duringRun(async () => during(await app.read()));
    await app.deliver(messages);
    await app.advance();
    expect(during.mock.calls).toMatchObject([
      [{ result: { state: "stale", value: { count: 0 } }, effects: [] }],
    ]);
  });

  test("readers of a row without a value get null and raise nothing", async () => {
    const app = startInAction();
    const during = vi.fn();
    app.duringRun(async () => during(await app.read()));
    await app.readAndDeliver();
    expect(during.mock.calls).toMatchObject([
      [{ result: { state: "missing", value: null }, effects: [] }],
    ]);
  });

  test("a value that must not be served is not, though its mark is taken away", async () => {
    const app = startInAction({ expiredWhen: invalidated() });
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.advance(10_000);
    await app.mutation(add("a", 1));
    const { messages } = await app.read();
    const during = vi.fn();
    app.duringRun(async () => during((await app.read()).result));
    await app.deliver(messages);
    await app.advance();
    expect(during.mock.calls).toMatchObject([[{ state: "expired", value: null }]]);
  });

  test("a change is not lost: the row stays stale, and is asked for again", async () => {
    const app = startInAction({
      compute: async (ctx, args) => {
        const value = await ctx.runQuery(anyApi.sums?.total as FunctionReference<"query">, args);
        await between();
        return value;
      },
    });
    let between = async () => {
      between = async () => {};
      await app.mutation(add("a", 5));
    };
    await app.readAndDeliver();
    expect(await app.read()).toMatchObject({
      result: { state: "stale", value: { count: 0 } },
      effects: [{ seq: 1 }],
    });
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 1, sum: 5 });
  });

  test("a change of a leased row is followed up by the commit", async () => {
    const app = startInAction({ lease: { minutes: 5 } });
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.advance(10_000);
    app.duringRun(async () => {
      await app.mutation(add("a", 2));
      expect((await app.read()).effects).toEqual([]);
    });
    await app.mutation(add("a", 1));
    await app.advance();
    expect((await app.read()).effects).toEqual([]);
    await app.advance(20_000);
    expect(await app.read()).toMatchObject({
      result: { state: "fresh", value: { count: 2, sum: 3 } },
      effects: [],
    });
  });

  test("an eviction takes the row: the run commits nothing", async () => {
    const app = startInAction();
    app.duringRun(() => app.mutation((ctx) => app.totals.evict(ctx, key)));
    await app.readAndDeliver();
    expect(await app.rows("totals")).toEqual([]);
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 0, sum: 0 });
  });

  test("a refresh is not overwritten by the run's older value", async () => {
    const app = startInAction({ mode: "snapshot", compute: total });
    await app.mutation(add("a", 1));
    const { messages } = await app.read();
    await app.deliver(messages);
    await app.t.finishInProgressScheduledFunctions();
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.advance();
    const [row] = await app.rows("totals");
    expect(row).toMatchObject({ value: { count: 1 } });
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("a snapshot that does not show the run gives no value", async () => {
    const app = startInAction({ mode: "snapshot", compute: total });
    await app.settle((ctx) => app.totals.get(ctx, key));
    const compute = { view: "totals", args: key, run: 1n };
    const inspect = anyApi.lazy?.inspect as FunctionReference<"query">;
    expect(await app.t.query(inspect, { compute })).toBeNull();
  });
});

describe("a run that dies", () => {
  const timeout = { seconds: 30 };

  test("is ended by the watchdog: the mark is put back, and readers ask again", async () => {
    const app = startInAction({ timeout }, { forgotten: ["act"] });
    vi.spyOn(console, "error").mockReturnValue();
    await app.mutation(async (ctx) => {
      await ctx.db.insert("totals", {
        key: '{"list":"a"}',
        args: key,
        value: { count: 7, sum: 7 },
        ...{ seq: 3, version: 1, asOf: 0n, computedAt: 0, dirtyAt: 1 },
      });
    });
    await app.readAndDeliver();
    expect((await app.read()).effects).toEqual([]);
    await app.advance(30_010);
    const { result, effects } = await app.read();
    expect(result).toMatchObject({ state: "stale", value: { count: 7 } });
    expect(effects).toHaveLength(1);
    const [failure] = (await app.inspect()).views.totals?.failures ?? [];
    expect(failure?.message).toBe("the run did not end within 30 s");
  });

  test("and reports after all is not listened to", async () => {
    const app = startInAction({ timeout });
    await app.settle((ctx) => app.totals.get(ctx, key));
    const late = {
      view: "totals",
      args: key,
      run: 1n,
      computed: { value: { count: 99, sum: 99 }, version: 1, asOf: 1n },
    };
    const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
    expect(await app.t.mutation(recompute, late)).toBe("overtaken");
    expect(await app.t.mutation(recompute, { ...late, watchdog: true })).toBe("overtaken");
    expect((await app.read()).result).toMatchObject({ state: "fresh", value: { count: 0 } });
  });
});

test("a value that an older version has computed is committed as that version's", async () => {
  const app = startInAction({ version: 2 });
  const { messages } = await app.read();
  const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
  app.duringRun(async () => {
    const [row] = await app.rows("totals");
    const { token: run } = (row as { refreshing: { token: bigint } }).refreshing;
    const computed = { value: { count: 1, sum: 1 }, version: 1, asOf: run };
    expect(await app.t.mutation(recompute, { view: "totals", args: key, run, computed })).toBe(
      "committed",
    );
  });
  await app.deliver(messages);
  await app.advance();
  const { result, effects } = await app.read();
  expect(result).toMatchObject({ state: "expired", version: 1 });
  expect(effects).toHaveLength(1);
});

test("refresh of a view that computes in actions says what to call instead", async () => {
  const app = startInAction();
  await expect(app.mutation((ctx) => app.totals.refresh(ctx, key))).rejects.toThrow(
    'totals.refresh: a mutation cannot compute what the mode "action" does; call invalidate',
  );
});

test.each([
  [{ mode: "fast" }, 'mode is the string "fast"; give transaction, snapshot, action, paged'],
  [
    { mode: "action", onMissing: "compute" },
    'give "null": a query cannot compute what the mode "action" does',
  ],
  [{ mode: "action", timeout: { seconds: -1 } }, "timeout.seconds is the number -1"],
])("%o is refused", (options, message) => {
  expect(() =>
    defineView("totals", { table: totalsTable, compute: total, ...options } as never),
  ).toThrow(message);
});
