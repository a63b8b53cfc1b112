import { anyApi, type FunctionReference, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { defineView, invalidated } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Mode } from "../../src/model/definition.js";
import { type AppOptions, endTestApp, type TestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;
const sums = {
  total: queryGeneric({
    args: { list: v.string() },
    handler: async (ctx, args) => await total(ctx as never, args),
  }),
};

/** Runs the jobs that are due now, but not those that they schedule. */
async function step(app: Pick<TestApp, "t">) {
  vi.advanceTimersByTime(1);
  await app.t.finishInProgressScheduledFunctions();
}

/** An app whose totals are computed in an action, which first runs a function of the test. */
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
    /** The one run that is under way. */
    async run() {
      const [run, ...others] = await app.rows("lazyRuns");
      expect(others).toEqual([]);
      return run as { _id: string; asOf: bigint };
    },
    /** How many runs have begun so far. */
    begun: async () => (await app.jobs()).filter(({ name }) => name === "lazy:act").length,
    /** Calls `work` once, between the begin and the commit of the next run. */
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
    const [first] = await app.rows("totals");
    await app.mutation(add("a", 3));
    await app.testing.expectState(app.totals, key, "stale");
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 2, sum: 5 });
    const [row] = await app.rows("totals");
    expect(row?.asOf).toBeGreaterThan(first?.asOf as bigint);
    for (const field of ["dirtyAt", "nudgedAt", "pendingUntil"]) {
      expect(row).not.toHaveProperty(field);
    }
    expect(await app.rows("lazyRuns")).toEqual([]);
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
  test("its readers get the old value, and what they raise starts nothing", async () => {
    const app = startInAction();
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.advance(10_000);
    await app.mutation(add("a", 1));
    const before = await app.rows("totals");
    const { messages } = await app.read();
    const during = vi.fn();
    app.duringRun(async () => {
      const { result, messages: raised } = await app.read();
      await app.deliver(raised);
      during(await app.rows("totals"), result);
    });
    await app.deliver(messages);
    await app.advance();
    // The begin of the run does not write the row, which keeps its mark.
    expect(during.mock.calls).toMatchObject([[before, { state: "stale", value: { count: 0 } }]]);
    expect(await app.begun()).toBe(2);
    await app.advance(60_000);
    expect(await app.begun()).toBe(2);
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("readers of a key without a value get null, and what they raise starts nothing", async () => {
    const app = startInAction();
    const during = vi.fn();
    app.duringRun(async () => {
      const { result, messages: raised } = await app.read();
      await app.deliver(raised);
      during(await app.rows("totals"), result);
    });
    await app.readAndDeliver();
    expect(during.mock.calls).toMatchObject([[[], { state: "missing", value: null }]]);
    await app.advance(60_000);
    expect(await app.begun()).toBe(1);
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("the attempt that was put off gives way, and no longer counts as pending", async () => {
    const app = startInAction();
    const during = vi.fn();
    app.duringRun(async () => {
      const windowEndsAt = await app.t.run(async (ctx) => {
        const [entry] = await ctx.db.query("lazyEffects").collect();
        if (entry === undefined) throw new Error("The run has no entry.");
        const job = { kind: "attempt", view: "totals", args: key };
        const trailingJob = await ctx.scheduler.runAt(entry.windowEndsAt, recompute, { job });
        await ctx.scheduler.cancel(trailingJob);
        await ctx.db.patch(entry._id, { trailingJob });
        return entry.windowEndsAt;
      });
      const start = { windowEndsAt, isTrailing: true };
      const outcome = await app.t.mutation(recompute, { job: { kind: "attempt", view: "totals", args: key, start } });
      during(outcome, await app.rows("lazyEffects"));
    });
    await app.readAndDeliver();
    expect(during.mock.calls).toEqual([
      ["overtaken", [expect.not.objectContaining({ trailingJob: expect.anything() })]],
    ]);
    expect(await app.begun()).toBe(1);
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("an attempt that is made beyond the window is overtaken", async () => {
    const app = startInAction();
    const during = vi.fn();
    app.duringRun(async () => {
      vi.advanceTimersByTime(30_000);
      during(await app.t.mutation(recompute, { job: { kind: "attempt", view: "totals", args: key } }));
    });
    await app.readAndDeliver();
    expect(during.mock.calls).toEqual([["overtaken"]]);
    expect(await app.begun()).toBe(1);
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("a value that must not be served is not", async () => {
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
    let changedAt = 0;
    let between = async () => {
      between = async () => {};
      await app.mutation(add("a", 5));
      changedAt = Date.now();
      vi.advanceTimersByTime(1_000);
    };
    await app.readAndDeliver();
    const [row] = await app.rows("totals");
    expect(row?.dirtyAt).toBeLessThanOrEqual(changedAt + 1);
    expect(await app.read()).toMatchObject({
      result: { state: "stale", value: { count: 0 } },
      effects: [{ seen: row?.asOf }],
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

  test.each(["first", "second"])("an eviction ends the %s run: it commits nothing", async (which) => {
    const app = startInAction();
    if (which === "second") {
      await app.settle((ctx) => app.totals.get(ctx, key));
      await app.advance(10_000);
      await app.mutation((ctx) => app.totals.invalidate(ctx, key));
    }
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
    const run = await app.t.run(async (ctx) => {
      const id = await ctx.db.insert("lazyRuns", {
        ...{ view: "totals", key: '{"list":"a"}', version: 1, args: key },
      });
      await ctx.db.delete(id);
      return id;
    });
    const inspect = anyApi.lazy?.inspect as FunctionReference<"query">;
    expect(await app.t.query(inspect, { ask: { kind: "compute", run } })).toBeNull();
  });
});

describe("a run that dies", () => {
  const timeout = { seconds: 30 };

  test("is ended by a sweep: the row keeps its mark, and readers ask again", async () => {
    const app = startInAction({ timeout }, { forgotten: ["act"] });
    vi.spyOn(console, "error").mockReturnValue();
    await app.mutation(async (ctx) => {
      await ctx.db.insert("totals", {
        key: '{"list":"a"}',
        args: key,
        value: { count: 7, sum: 7 },
        ...{ version: 1, asOf: 5n, computedAt: 0, dirtyAt: 1 },
      });
    });
    await app.readAndDeliver();
    await app.advance(29_000);
    await app.run();
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
    await app.advance(3_010);
    expect(await app.rows("lazyRuns")).toEqual([]);
    expect((await app.rows("totals"))[0]).toMatchObject({ dirtyAt: 1, asOf: 5n });
    const { result, effects } = await app.read();
    expect(result).toMatchObject({ state: "stale", value: { count: 7 } });
    expect(effects).toHaveLength(1);
    const [failure] = (await app.inspect()).views.totals?.failures ?? [];
    expect(failure?.message).toBe("the run did not end within 30 s");
  });

  test("makes way for the next one that is asked for", async () => {
    const app = startInAction({ timeout });
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    await app.deliver((await app.read()).messages);
    await step(app);
    const acts = (await app.jobs()).filter(({ name }) => name === "lazy:act");
    expect(acts).toMatchObject([{ state: { kind: "pending" } }]);
    await app.t.run(async (ctx) => await ctx.scheduler.cancel(acts[0]?._id as never));
    await app.advance(11_000);
    await app.readAndDeliver();
    expect(await app.rows("lazyRuns")).toEqual([]);
    await app.testing.expectState(app.totals, key, "fresh");
    expect(complaints).not.toHaveBeenCalled();
  });

  test("and reports after all is ignored", async () => {
    const app = startInAction({ timeout });
    let run: { _id: string; asOf: bigint } | undefined;
    app.duringRun(async () => {
      run = await app.run();
    });
    await app.settle((ctx) => app.totals.get(ctx, key));
    const late = { run: run?._id };
    const computed = { value: { count: 99, sum: 99 }, version: 1, asOf: run?.asOf };
    for (const job of [
      { kind: "finish", ...late, computed },
      { kind: "finish", ...late, error: "too late" },
      { kind: "commitRun", ...late, found: { computed } },
      { kind: "started", ...late },
      { kind: "step", ...late },
    ]) {
      expect(await app.t.mutation(recompute, { job })).toBe("overtaken");
    }
    expect((await app.read()).result).toMatchObject({ state: "fresh", value: { count: 0 } });
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
  });
});

test("a value that an older version has computed is committed as that version's", async () => {
  const app = startInAction({ version: 2 });
  const { messages } = await app.read();
  app.duringRun(async () => {
    const { _id: run, asOf } = await app.run();
    const computed = { value: { count: 1, sum: 1 }, version: 1, asOf };
    expect(await app.t.mutation(recompute, { job: { kind: "finish", run, computed } })).toBe("committed");
  });
  await app.deliver(messages);
  await app.advance();
  const { result, effects } = await app.read();
  expect(result).toMatchObject({ state: "expired", version: 1 });
  expect(effects).toHaveLength(1);
});

test("a change during a run is not lost when the view computes in one transaction from then on", async () => {
  const app = startInAction({
    compute: async (ctx, args) => {
      const value = await ctx.runQuery(anyApi.sums?.total as FunctionReference<"query">, args);
      await between();
      return value;
    },
  });
  // Another mode is deployed while the action runs.
  const between = async () => {
    (app.totals.definition as { mode: Mode }).mode = "transaction";
    await app.mutation(add("a", 5));
  };
  await app.readAndDeliver();
  expect((await app.read()).result).not.toMatchObject({ state: "fresh", value: { count: 0 } });
  expect(await app.rows("lazyRuns")).toEqual([]);
});

test("refresh of a view that computes in actions says what to call instead", async () => {
  const app = startInAction();
  await expect(app.mutation((ctx) => app.totals.refresh(ctx, key))).rejects.toThrow(
    'totals.refresh cannot compute in the mode "action"; call invalidate.',
  );
});

test.each([
  [{ mode: "fast" }, 'mode is the string "fast"; give transaction, snapshot, action, paged'],
  [{ mode: "action", onMissing: "compute" }, 'onMissing is the string "compute"; give "null"'],
  [{ mode: "action", timeout: { seconds: -1 } }, "timeout.seconds is the number -1"],
  [{ mode: "snapshot", sources: undefined }, 'sources is undefined; in the mode "snapshot", declare what is read'],
])("%o is refused", (options, message) => {
  expect(() => defineView("totals", { table: totalsTable, sources: {}, compute: total, ...options } as never)).toThrow(
    message,
  );
});
