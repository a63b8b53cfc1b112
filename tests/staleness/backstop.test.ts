import { anyApi, type FunctionReference } from "convex/server";
import { changed, olderThan } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type TestApp } from "../testApp.js";
import { add, copyRow, startTotals, type Totals, type TotalsOptions } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
const MINUTE = 60_000;
const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
const sweep = anyApi.lazy?.sweep as FunctionReference<"mutation">;

/** An app whose row a reader asked for, and which was then marked. The effects of its readers are lost. */
async function startForgotten({ idle = 0, ...options }: TotalsOptions & { idle?: number } = {}) {
  const app = startTotals(options);
  await app.settle((ctx) => app.totals.get(ctx, key));
  await app.advance(idle);
  await app.mutation(add("a", 1));
  return {
    ...app,
    async beat() {
      const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
      await app.deliver(messages); // The canary.
      await app.advance();
    },
  };
}

describe("the backstop", () => {
  test("recomputes a row that was asked for lately, and whose effect was lost", async () => {
    const app = await startForgotten();
    await app.beat();
    await app.testing.expectState(app.totals, key, "stale");
    await app.advance(3 * MINUTE);
    await app.beat();
    await app.testing.expectState(app.totals, key, "fresh");
    const [row] = await app.rows("totals");
    expect(row).not.toHaveProperty("expiresAt");
  });

  test("leaves a row alone that nobody has asked for lately", async () => {
    const app = await startForgotten({ idle: 61 * MINUTE });
    await app.advance(3 * MINUTE);
    await app.beat();
    await app.testing.expectState(app.totals, key, "stale");
  });

  test("recomputes a leased row whose job died, when it should have ended long ago", async () => {
    const app = await startForgotten({
      idle: 10_000,
      lease: { hours: 2 },
      timeout: { minutes: 1 },
    });
    const pending = (await app.jobs()).filter(({ state }) => state.kind === "pending");
    const job = pending.find(({ name }) => name === "lazy:recompute");
    await app.t.run(async (ctx) => await ctx.scheduler.cancel(job?._id as never));
    // The window, and two minutes.
    await app.advance(2 * MINUTE + 9_000);
    await app.beat();
    await app.testing.expectState(app.totals, key, "stale");
    await app.advance(1_000);
    await app.beat();
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("works for an hour after the last reader, however much is written", async () => {
    const app = await startForgotten();
    const commits = new Set<unknown>();
    for (let minutes = 0; minutes < 180; minutes += 5) {
      await app.mutation(add("a", 1));
      await app.advance(5 * MINUTE);
      await app.beat();
      const [row] = await app.rows("totals");
      commits.add(row?.asOf);
    }
    expect(commits.size).toBeGreaterThan(8);
    expect(commits.size).toBeLessThan(16);
  });

  test("costs a write nothing", async () => {
    const app = await startForgotten();
    expect((await app.rows("totals"))[0]).not.toHaveProperty("expiresAt");
    expect((await app.rows("lazySweeps")).map(({ table }) => table)).not.toContain("totals");
  });

  test("is not put off by writes that mark a row again, nor by a heartbeat that comes too early", async () => {
    const app = await startForgotten();
    await app.advance(61_000);
    await app.mutation(add("a", 1));
    expect((await app.rows("totals"))[0]).toHaveProperty("nudgedAt");
    await app.advance(58_000);
    await app.beat();
    await app.testing.expectState(app.totals, key, "stale");
    await app.advance(1_001);
    await app.beat();
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("recomputes rows that are stale only by an age, a tag or a probe", async () => {
    let probe = 1;
    const byProbe = changed<{ list: string }, Totals>(() => probe);
    const byAge = olderThan<{ list: string }, Totals>({ minutes: 5 });
    for (const { options, touch } of [
      { options: { staleWhen: byAge }, touch: () => {} },
      { options: { staleWhen: byProbe }, touch: () => probe++ },
      {
        options: { tags: () => ["all"] },
        touch: (app: TestApp) => app.mutation((ctx) => app.lazy.invalidateTag(ctx as never, "all")),
      },
    ]) {
      const app = startTotals({ sources: {}, ...options });
      await app.settle((ctx) => app.totals.get(ctx, key));
      await app.advance(6 * MINUTE);
      await touch(app);
      await app.advance(2 * MINUTE);
      await app.testing.expectState(app.totals, key, "stale");
      await app.testing.collect(() => app.t.action(heartbeat));
      await app.advance();
      await app.testing.expectState(app.totals, key, "fresh");
      endTestApp();
    }
  });

  test("looks through any number of rows, a hundred in a transaction", async () => {
    const app = await startForgotten();
    await copyRow(app, 250);
    await app.advance(3 * MINUTE);
    await app.beat();
    expect((await app.inspect()).views.totals).toMatchObject({ rows: 250, stale: 0 });
  });

  /** Begins a run of the one row, with a job. A sweep looks at the run a minute later. */
  async function beginRun(app: TestApp, jobInMs: number) {
    return await app.t.run(async (ctx) => {
      const job = await ctx.scheduler.runAfter(jobInMs, heartbeat);
      const work = { view: "totals", key: '{"list":"a"}', version: 1, args: key };
      const stamps = { asOf: BigInt(Date.now()) * 1_000_000n, job, expiresAt: Date.now() + MINUTE };
      await ctx.db.insert("lazyRuns", { ...work, ...stamps });
      return job;
    });
  }

  test("ends a run that died with its sweep, and has the row recomputed", async () => {
    const app = await startForgotten({ mode: "snapshot", timeout: { minutes: 1 } });
    const job = await beginRun(app, MINUTE);
    await app.t.run(async (ctx) => await ctx.scheduler.cancel(job));
    await app.advance(MINUTE - 1_000);
    await app.beat();
    expect(await app.rows("lazyRuns")).toHaveLength(1);
    await app.advance(1_001);
    await app.beat();
    expect(await app.rows("lazyRuns")).toEqual([]);
    await app.testing.expectState(app.totals, key, "stale");
    expect((await app.inspect()).views.totals?.failures).toMatchObject([
      { message: "the run did not end within 60 s", attempts: 1 },
    ]);
    await app.advance(1_000);
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("lets a run go on whose job is only late", async () => {
    const app = await startForgotten({ mode: "snapshot", timeout: { minutes: 1 } });
    await beginRun(app, 30 * MINUTE);
    const [run] = await app.rows("lazyRuns");
    await app.advance(5 * MINUTE);
    await app.beat();
    expect(await app.rows("lazyRuns")).toMatchObject([{ _id: run?._id }]);
    await app.testing.expectState(app.totals, key, "stale");
    expect((await app.inspect()).views.totals?.failures).toEqual([]);
  });

  test.each([
    { kind: "backstop", view: "totals" },
    { kind: "due", table: "lazyRuns" },
  ])("lets a run go on that began after the time of a late sweep: %o", async (job) => {
    const app = await startForgotten({ mode: "snapshot" });
    await app.advance(3 * MINUTE);
    const sweptAt = Date.now();
    await app.advance(3_000);
    const late = await beginRun(app, 10 * MINUTE);
    await app.t.run(async (ctx) => await ctx.scheduler.cancel(late));
    const before = [await app.rows("lazyRuns"), await app.rows("totals")];
    const { swept } = await app.t.mutation(sweep, {
      job: { ...job, ...(job.kind === "due" ? { sweepAt: sweptAt } : { at: sweptAt }) },
    });
    expect(swept).toBe(0);
    expect([await app.rows("lazyRuns"), await app.rows("totals")]).toEqual(before);
  });
});
