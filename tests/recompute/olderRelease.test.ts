import { anyApi, type FunctionReference } from "convex/server";
import { invalidated, olderThan } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Mode } from "../../src/model/definition.js";
import { endTestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions } from "../totals.js";

// Jobs, rows and documents that release 0.1 has left in a deployment, in its own form.

afterEach(endTestApp);

const key = { list: "a" };
const text = '{"list":"a"}';
const reference = (name: string) => anyApi.lazy?.[name] as FunctionReference<"mutation">;
const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
/** Fields that rows of release 0.1 had, and that rows no longer have. */
const OLD_FIELDS = ["seq", "aged", "dirtySince", "pending", "refreshing"];

type App = ReturnType<typeof startTotals>;
const read = (app: App) => app.collect((ctx) => app.totals.read(ctx, key));
const pending = async (app: App) => (await app.jobs()).filter(({ state }) => state.kind === "pending");

/** Stores a row as release 0.1 did, with a job's id in the fields that had one. */
async function storeRow(app: App, fields: Record<string, unknown>) {
  await app.t.run(async (ctx) => {
    const watchdog = await ctx.scheduler.runAfter(0, reference("recompute"), { view: "totals" });
    await ctx.scheduler.cancel(watchdog);
    const { refreshing, ...others } = fields;
    await ctx.db.insert("totals", {
      ...{ key: text, args: key, value: { count: 7, sum: 7 }, version: 1 },
      ...{ asOf: 5_000_000n, computedAt: Date.now() - 1_000 },
      ...others,
      ...(refreshing !== undefined && { refreshing: { ...(refreshing as object), watchdog } }),
    });
  });
}

/** Expects a fresh row that was computed again, without fields of the old form. */
async function expectRenewed(app: App, value: object) {
  const [row, ...others] = await app.rows("totals");
  expect(others).toEqual([]);
  expect(row).toMatchObject({ key: text, value });
  expect(row?.asOf).toBeGreaterThan(5_000_000n);
  for (const field of [...OLD_FIELDS, "dirtyAt", "pendingUntil"]) {
    expect(row).not.toHaveProperty(field);
  }
  await app.testing.expectState(app.totals, key, "fresh");
  expect((await read(app)).effects).toEqual([]);
}

describe("a job of release 0.1", () => {
  const work = { view: "totals", args: key };

  /** Schedules a job as release 0.1 put one off, with the ledger's entry that waits for it. */
  const putOff = (app: App, windowEndsAt: number, failure?: object) =>
    app.t.run(async (ctx) => {
      const job = { ...work, trailingAt: windowEndsAt };
      const trailingJob = await ctx.scheduler.runAt(windowEndsAt, reference("recompute"), job);
      await ctx.db.insert("lazyEffects", {
        ...{ key: `lazy:recompute {"args":${text},"view":"totals"}`, target: "lazy:recompute" },
        ...{
          windowEndsAt,
          seq: 0,
          trailingJob,
          expiresAt: windowEndsAt + (failure ? 1 : 0),
          ...(failure && { failure }),
        },
      });
    });
  const computed = { value: { count: 99, sum: 99 }, version: 1, asOf: 1n };
  const page = { items: [1], isDone: true, cursor: "x", bytesRead: 1, documentsRead: 1 };
  const turn = { index: 0, token: 1n };
  const jobs: [string, Record<string, unknown>][] = [
    ["recompute", { ...work, windowEndsAt: 0 }],
    ["recompute", { ...work, trailingAt: 0, byWrite: true }],
    ["recompute", { ...work, turn }],
    ["recompute", { ...work, commit: true }],
    ["recompute", { ...work, run: 1n }],
    ["recompute", { ...work, run: 1n, computed }],
    ["recompute", { ...work, run: 1n, page }],
    ["recompute", { ...work, run: 1n, error: "broken" }],
    ["recompute", { ...work, run: 1n, watchdog: true }],
    ["recompute", { ...work, turn, watchdog: true }],
    ["act", { ...work, run: 1n }],
    ["sweep", { table: "totals", sweepAt: 0 }],
    ["sweep", { table: "lazyEffects", sweepAt: 0 }],
    ["sweep", { table: "evict:totals", sweepAt: 0, after: 1 }],
    ["sweep", { table: "backstop:totals", sweepAt: 0, cursor: "x" }],
  ];

  test.each(jobs)("%s %o is refused, and writes and schedules nothing", async (name, args) => {
    const app = startTotals();
    await storeRow(app, { seq: 3, pending: true });
    const before = await app.rows("totals");
    const jobsBefore = (await app.jobs()).length;
    const call = (name === "act" ? app.t.action : app.t.mutation) as (...call: unknown[]) => Promise<unknown>;
    await expect(call(reference(name), args)).rejects.toThrow();
    expect(await app.jobs()).toHaveLength(jobsBefore);
    expect(await app.rows("totals")).toEqual(before);
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("does not run, comes back never, and its row is asked for again", async () => {
    const app = startTotals();
    vi.spyOn(console, "error").mockReturnValue();
    await app.mutation(add("a", 1));
    await storeRow(app, { seq: 3, dirtyAt: Date.now(), pending: true });
    await app.t.run(async (ctx) => {
      for (const [name, args] of jobs) await ctx.scheduler.runAfter(1_000, reference(name), args);
    });
    await app.advance(60_000);
    const states = (await app.jobs()).map(({ state }) => state.kind);
    expect(states.filter((kind) => kind === "failed")).toHaveLength(jobs.length);
    expect(await pending(app)).toEqual([]);
    await app.settle((ctx) => app.totals.get(ctx, key));
    await expectRenewed(app, { count: 1, sum: 1 });
  });

  test("that was to run at the end of a window does not keep its reader waiting for longer", async () => {
    const app = startTotals();
    vi.spyOn(console, "error").mockReturnValue();
    await app.mutation(add("a", 1));
    await storeRow(app, { seq: 3, dirtyAt: Date.now(), pending: true });
    const windowEndsAt = Date.now() + 8_000;
    await app.t.run(async (ctx) => {
      const trailing = { ...work, trailingAt: windowEndsAt };
      const trailingJob = await ctx.scheduler.runAt(windowEndsAt, reference("recompute"), trailing);
      await ctx.db.insert("lazyEffects", {
        ...{ key: `lazy:recompute {"args":${text},"view":"totals"}`, target: "lazy:recompute" },
        ...{ windowEndsAt, seq: 3, trailingJob, expiresAt: windowEndsAt },
      });
    });
    for (let i = 0; i < 5; i++) {
      await app.deliver((await read(app)).messages);
      await app.advance(2_000);
    }
    await expectRenewed(app, { count: 1, sum: 1 });
  });

  test("that was put off is not waited for: a reader who asks once has the row recomputed", async () => {
    const app = startTotals();
    vi.spyOn(console, "error").mockReturnValue();
    await app.mutation(add("a", 1));
    await putOff(app, Date.now() + 8_000);
    const { messages } = await read(app);
    await app.deliver(messages);
    await app.deliver(messages); // A repetition is a duplicate of this release's own job.
    expect(await pending(app)).toHaveLength(2);
    await app.advance(8_010);
    await expectRenewed(app, { count: 1, sum: 1 });
  });

  test("that was to be the retry of a failure does not keep its reader waiting for longer", async () => {
    const app = startTotals();
    vi.spyOn(console, "error").mockReturnValue();
    await app.mutation(add("a", 1));
    const retryAt = Date.now() + 20_000;
    await putOff(app, retryAt, { message: "closed", attempts: 5, failedAt: Date.now(), retryAt });
    expect((await app.inspect()).views.totals?.failures).toMatchObject([{ message: "closed" }]);
    for (let i = 0; i < 10; i++) {
      expect(await app.rows("totals")).toEqual([]);
      await app.deliver((await read(app)).messages);
      await app.advance(2_000);
    }
    await expectRenewed(app, { count: 1, sum: 1 });
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
  });
});

describe.each<Mode>(["transaction", "snapshot"])("a row of release 0.1, in the mode %s", (mode) => {
  const forms: [string, Record<string, unknown>][] = [
    ["that looks fresh", { seq: 3 }],
    ["that was marked", { seq: 3, dirtyAt: 9 }],
    ["that was marked again", { seq: 3, dirtyAt: 9, dirtySince: 5 }],
    ["that has reached an age", { seq: 3, aged: 60_000, expiresAt: 1 }],
    ["whose recompute was announced", { seq: 3, dirtyAt: 9, pending: true, expiresAt: 99 }],
    ["whose run was under way", { seq: 3, refreshing: { token: 7n, dirtyAt: 9 }, expiresAt: 99 }],
    ["that was leased", { seq: 3, askedAt: 9, leaseUntil: 99 }],
  ];
  const placeholder = { value: null, seq: 0, refreshing: { token: 7n }, askedAt: 9, expiresAt: 99 };
  const start = (options: TotalsOptions = {}) => startTotals({ mode, ...options });

  test.each(forms)("%s is stale, asked for, and replaced", async (_, fields) => {
    const app = start();
    await app.mutation(add("a", 1));
    await storeRow(app, fields);
    const { result, effects } = await read(app);
    expect(result).toMatchObject({ state: "stale", value: { count: 7, sum: 7 } });
    expect(effects).toMatchObject([{ seen: 5_000_000n }]);
    await app.testing.expectState(app.totals, key, "stale");
    expect((await app.inspect()).views.totals).toMatchObject({ rows: 1, stale: 1 });
    await app.settle((ctx) => app.totals.get(ctx, key));
    await expectRenewed(app, { count: 1, sum: 1 });
  });

  test.each(forms)("%s is expired where values may not be served", async (_, fields) => {
    const app = start({ expiredWhen: invalidated() });
    await app.mutation(add("a", 1));
    await storeRow(app, fields);
    const { result, effects } = await read(app);
    expect(result).toMatchObject({ state: "expired", value: null });
    expect(effects).toMatchObject([{ seen: 5_000_000n }]);
    await app.settle((ctx) => app.totals.get(ctx, key));
    await expectRenewed(app, { count: 1, sum: 1 });
  });

  test.each([{}, { expiredWhen: invalidated() }])(
    "that stands for a first value is missing, asked for, and replaced (%o)",
    async (options) => {
      const app = start(options as TotalsOptions);
      await app.mutation(add("a", 1));
      await storeRow(app, placeholder);
      const { result, effects } = await read(app);
      expect(result).toEqual({ state: "missing", value: null, computedAt: null, version: null });
      expect(effects).toHaveLength(1);
      await app.testing.expectState(app.totals, key, "missing");
      await app.settle((ctx) => app.totals.get(ctx, key));
      await expectRenewed(app, { count: 1, sum: 1 });
    },
  );

  test("that the app has looked up is read as by its key", async () => {
    const app = start();
    await storeRow(app, { seq: 3, pending: true });
    const lookUp = (ctx: { db: object }) => {
      const { query } = ctx.db as { query: (table: string) => { collect(): Promise<never> } };
      return query("totals").collect();
    };
    const { result, effects } = await app.collect((ctx) => app.totals.readRows(ctx, lookUp(ctx)));
    expect(result).toMatchObject([{ key, state: "stale", value: { count: 7 } }]);
    expect(effects).toHaveLength(1);
  });

  test("of a version of the code before, or of a compatible one", async () => {
    for (const [compatible, state] of [
      [[], "expired"],
      [[1], "stale"],
    ] as const) {
      const app = start({ version: 2, compatible: [...compatible] });
      await storeRow(app, { seq: 3 });
      expect((await read(app)).result).toMatchObject({ state });
    }
  });

  test("is replaced by a refresh, and taken away by an eviction", async () => {
    for (const fields of [placeholder, { seq: 3, pending: true }]) {
      const app = start();
      await storeRow(app, fields);
      await app.mutation((ctx) => app.totals.refresh(ctx, key));
      await expectRenewed(app, { count: 0, sum: 0 });
      const other = start();
      await storeRow(other, fields);
      expect(await other.mutation((ctx) => other.totals.evict(ctx, key))).toBe(true);
      expect(await other.rows("totals")).toEqual([]);
    }
  });

  test.each([...forms, ["that stands for a first value", placeholder] as (typeof forms)[0]])(
    "%s takes a write in without an error, and shows it once it is replaced",
    async (_, fields) => {
      const app = start({ lease: { minutes: 5 } });
      await storeRow(app, fields);
      await app.mutation(add("a", 3));
      await app.mutation((ctx) => app.totals.invalidate(ctx, key));
      await app.settle((ctx) => app.totals.get(ctx, key));
      await expectRenewed(app, { count: 1, sum: 3 });
    },
  );

  test("is marked at its age after a refresh, though the sweep of its time is refused", async () => {
    const app = start({ staleWhen: olderThan({ minutes: 10 }), evictAfter: { minutes: 20 } });
    // Its next time is half of `evictAfter`, as for the refreshed row: release 0.1 has scheduled a sweep for that time.
    const now = Date.now();
    await storeRow(app, { seq: 3, computedAt: now, askedAt: now, expiresAt: now + 10 * 60_000 });
    await app.advance(1_000);
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.testing.expectState(app.totals, key, "fresh");
    await app.advance(12 * 60_000);
    await app.testing.expectState(app.totals, key, "stale");
  });

  test("is seen by the sweep of its time, and by the heartbeat", async () => {
    const app = start({ staleWhen: olderThan({ minutes: 1 }), evictAfter: { hours: 1 } });
    const errors = vi.spyOn(console, "error").mockReturnValue();
    await storeRow(app, { seq: 3, pending: true, expiresAt: Date.now(), askedAt: Date.now() });
    const job = { kind: "due", table: "totals", sweepAt: Date.now() };
    await app.t.mutation(reference("sweep"), { job });
    expect((await read(app)).effects).toHaveLength(1);
    await app.advance(5 * 60_000);
    await app.testing.collect(() => app.t.action(heartbeat));
    await app.advance(5_000);
    await expectRenewed(app, { count: 0, sum: 0 });
    expect(errors).not.toHaveBeenCalled();
  });
});

test("a change is not applied to a row of release 0.1, whose mark may be with its run", async () => {
  const app = startTotals({
    applyChange: ({ count, sum }, { before, after }) => ({
      count: count + (after === null ? 0 : 1) - (before === null ? 0 : 1),
      sum: sum + (after?.n ?? 0) - (before?.n ?? 0),
    }),
  });
  await storeRow(app, { seq: 3, refreshing: { token: 7n, dirtyAt: 9 } });
  await app.mutation(add("a", 1));
  expect(await app.rows("totals")).toMatchObject([{ value: { count: 7, sum: 7 }, dirtyAt: expect.any(Number) }]);
  await app.settle((ctx) => app.totals.get(ctx, key));
  await expectRenewed(app, { count: 1, sum: 1 });
});

test.each<[string, (app: App) => Promise<unknown>]>([
  [
    "sweep",
    ({ t }) => t.mutation(reference("sweep"), { job: { kind: "evict", table: "totals", sweepAt: Date.now() } }),
  ],
  ["heartbeat", ({ t }) => t.action(heartbeat)],
])("rows of release 0.1 that no reader asks for go from the next %s on", async (_, begin) => {
  const app = startTotals({ evictAfter: { minutes: 10 } });
  await storeRow(app, { seq: 3, pending: true });
  vi.spyOn(console, "debug").mockReturnValue();
  await begin(app);
  await app.advance(60 * 60_000);
  expect(await app.rows("totals")).toEqual([]);
});

describe("documents of release 0.1", () => {
  const run = (more: object = {}) => ({
    ...{ view: "totals", key: text, run: 7n, version: 1, cursor: "page 3" },
    ...{ accumulated: { count: 1_000, sum: 1_000 }, pages: 3, items: 700, numItems: 400 },
    ...{ startedAt: 5, updatedAt: 6, probes: ["1"], ...more },
  });
  const failed = {
    ...{ key: `lazy:recompute {"args":${text},"view":"totals"}`, target: "lazy:recompute" },
    ...{ windowEndsAt: 9, seq: 2, expiresAt: 99 },
    failure: { message: "closed", attempts: 2, failedAt: 5, retryAt: 9 },
  };
  const paged = {
    mode: "paged",
    compute: undefined,
    page: async (
      ctx: { db: { query: (table: string) => { paginate: (options: object) => unknown } } },
      _: object,
      options: object,
    ) => await ctx.db.query("items").paginate(options),
    initial: () => ({ count: 0, sum: 0 }),
    reduce: ({ count, sum }: { count: number; sum: number }, { n }: { n: number }) => ({
      count: count + 1,
      sum: sum + n,
    }),
    finish: (all: object) => all,
  } as unknown as TotalsOptions;

  describe.each<[string, TotalsOptions]>([
    ["transaction", {}],
    ["snapshot", { mode: "snapshot" }],
    ["paged", paged],
  ])("a run, to a view of the mode %s", (mode, options) => {
    test.each([
      ["alone", []],
      ["whose page had failed", [failed]],
    ])("(%s) does not hold a recompute up, and is not gone on with", async (_, entries) => {
      const app = startTotals(options);
      await app.mutation(add("a", 1));
      await app.t.run(async (ctx) => {
        await ctx.db.insert("lazyRuns", run());
        for (const entry of entries) await ctx.db.insert("lazyEffects", entry);
      });
      await app.mutation(add("a", 2));
      expect((await read(app)).effects).toHaveLength(1);
      await app.settle((ctx) => app.totals.get(ctx, key));
      await expectRenewed(app, { count: 2, sum: 3 });
      expect(await app.query((ctx) => app.totals.progress(ctx, key))).toBeNull();
      // A view that computes in one transaction does not look for runs.
      expect(await app.rows("lazyRuns")).toHaveLength(mode === "transaction" ? 1 : 0);
      expect(await app.rows("lazyPages")).toEqual([]);
      expect((await app.inspect()).views.totals?.failures).toEqual([]);
    });

    test("whose page had failed is begun anew by a reader who asks once", async () => {
      const app = startTotals(options);
      await app.mutation(add("a", 1));
      await app.t.run(async (ctx) => {
        await ctx.db.insert("lazyRuns", run());
        await ctx.db.insert("lazyEffects", failed);
      });
      await app.deliver((await read(app)).messages);
      await app.advance(5_000);
      await expectRenewed(app, { count: 1, sum: 1 });
    });

    test("does not disturb writes, refreshes, evictions and sweeps", async () => {
      const app = startTotals(options);
      await app.settle((ctx) => app.totals.get(ctx, key));
      await app.t.run(async (ctx) => {
        await ctx.db.insert("lazyRuns", run());
        await ctx.db.insert("lazyRuns", run({ view: "gone" }));
      });
      await app.mutation(add("a", 2));
      expect((await read(app)).result.state).toBe("stale");
      for (const table of ["lazyRuns", "lazyTurns", "totals"]) {
        const job = { kind: "due", table, sweepAt: Date.now() };
        await app.t.mutation(reference("sweep"), { job });
      }
      await app.advance(60_000);
      if (mode !== "paged") await app.mutation((ctx) => app.totals.refresh(ctx, key));
      else await app.settle((ctx) => app.totals.get(ctx, key));
      await expectRenewed(app, { count: 1, sum: 2 });
      expect(await app.mutation((ctx) => app.totals.evict(ctx, key))).toBe(true);
      await app.settle((ctx) => app.totals.get(ctx, key));
      await expectRenewed(app, { count: 1, sum: 2 });
    });
  });

  test("an entry of the ledger whose window is over opens the next one, and is swept in its time", async () => {
    const app = startTotals();
    const { failure: _, ...entry } = failed;
    await app.t.run(async (ctx) => await ctx.db.insert("lazyEffects", entry));
    await app.settle((ctx) => app.totals.get(ctx, key));
    await expectRenewed(app, { count: 0, sum: 0 });
    expect(await app.rows("lazyEffects")).toHaveLength(1);
    await app.advance(20 * 60_000);
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("an entry whose window is open holds it open, and what its reader saw is news", async () => {
    const app = startTotals();
    await app.mutation(add("a", 1));
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.mutation(add("a", 1));
    const { failure: _, ...entry } = failed;
    const windowEndsAt = Date.now() + 6_000;
    const open = { ...entry, windowEndsAt, expiresAt: windowEndsAt };
    await app.t.run(async (ctx) => await ctx.db.insert("lazyEffects", open));
    await app.deliver((await read(app)).messages);
    await app.advance(5_000);
    await app.testing.expectState(app.totals, key, "stale");
    await app.advance(1_010);
    await expectRenewed(app, { count: 2, sum: 2 });
  });

  test("a sweep of that release that never runs does not replace one of this release", async () => {
    const app = startTotals({ staleWhen: olderThan({ minutes: 1 }) });
    await app.t.run(async (ctx) => {
      // A sweep for every time in the next 20 minutes.
      for (let sweepAt = Date.now(); sweepAt < Date.now() + 20 * 60_000; sweepAt += 1_000) {
        for (const table of ["totals", "lazyEffects"]) {
          await ctx.db.insert("lazySweeps", { table, sweepAt });
        }
      }
    });
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.advance(65_000);
    await app.testing.expectState(app.totals, key, "stale");
    await app.advance(20 * 60_000);
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("what was known of the log stream does not disturb the heartbeat, nor inspect", async () => {
    const app = startTotals();
    const errors = vi.spyOn(console, "error").mockReturnValue();
    const sentAt = Date.now() - 60_000;
    await app.t.run(async (ctx) => {
      await ctx.db.insert("lazyHealth", {
        ...{ sentAt, arrivedAt: sentAt + 2_000, delayMs: 2_000, missed: 0, unauthorizedAt: 5 },
        views: [
          { name: "totals", version: 1 },
          { name: "gone", version: 2 },
        ],
      });
    });
    const before = await app.inspect();
    expect(before).toMatchObject({ problems: [expect.stringContaining("Not checked yet")] });
    expect(before.stream).toMatchObject({ canarySentAt: sentAt });
    const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
    await app.deliver(messages);
    await app.advance(10);
    const { stream, problems } = await app.inspect();
    expect(problems).toEqual([]);
    expect(stream?.canarySentAt).toBeGreaterThan(sentAt);
    expect(await app.rows("lazyHealth")).toHaveLength(1);
    expect(errors).not.toHaveBeenCalled();
  });
});
