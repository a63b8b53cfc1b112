import { afterEach, describe, expect, test } from "vitest";
import { endTestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions, total } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };

/** An app with one row that a reader has asked for, at the end of its window. The lease has 5 minutes left. */
async function startLeased(options: TotalsOptions = {}) {
  const app = startTotals({ lease: { minutes: 5 }, ...options });
  await app.settle((ctx) => app.totals.get(ctx, key));
  await app.advance(10_000);
  /** How many recomputes have run since. */
  const recomputes = async () => {
    const jobs = (await app.jobs()).filter(({ name }) => name === "lazy:recompute");
    return jobs.filter(({ state }) => state.kind === "success").length - 1;
  };
  return {
    ...app,
    recomputes,
    /** Makes the recompute that the last write scheduled die. */
    async killJob() {
      const pending = (await app.jobs()).filter(({ state }) => state.kind === "pending");
      const job = pending.find(({ name }) => name === "lazy:recompute");
      if (job === undefined) throw new Error("no recompute is scheduled");
      await app.t.run(async (ctx) => await ctx.scheduler.cancel(job._id));
    },
    write: () => app.mutation(add("a", 1)),
    read: () => app.collect((ctx) => app.totals.read(ctx, key)),
    /** The `asOf` that a reader of the row sees, and sends with its effect. */
    seen: async () => (await app.rows("totals"))[0]?.asOf as bigint,
  };
}

describe("a leased row", () => {
  test("is recomputed by the write that made it stale, and its readers raise nothing", async () => {
    const app = await startLeased();
    await app.write();
    expect(await app.read()).toMatchObject({
      result: { state: "stale", value: { count: 0 } },
      effects: [],
    });
    await app.advance();
    expect(await app.read()).toMatchObject({
      result: { state: "fresh", value: { count: 1 } },
      effects: [],
    });
    const [row] = await app.rows("totals");
    expect(row).not.toHaveProperty("pendingUntil");
  });

  test("is recomputed once a window, however many writes there are", async () => {
    const app = await startLeased();
    for (let i = 0; i < 15; i++) {
      await app.write();
      await app.advance(1_000);
    }
    expect(await app.recomputes()).toBe(2);
    await app.advance(10_000);
    expect(await app.recomputes()).toBe(3);
    expect(await app.read()).toMatchObject({ result: { state: "fresh", value: { count: 15 } } });
  });

  test("falls back to lazy when the lease is over: without readers nothing is computed", async () => {
    const app = await startLeased();
    await app.advance(5 * 60_000);
    await app.write();
    await app.advance(60_000);
    expect(await app.recomputes()).toBe(0);
    const { result, effects } = await app.read();
    expect(result.state).toBe("stale");
    expect(effects).toHaveLength(1);
  });

  test("is not leased for longer because writes recompute it, only because a reader asks", async () => {
    const app = await startLeased();
    const leaseUntil = async () => (await app.rows("totals"))[0]?.leaseUntil as number;
    const until = await leaseUntil();
    await app.write();
    await app.advance(10_000);
    expect(await leaseUntil()).toBe(until);
    await app.advance(5 * 60_000);
    await app.write();
    await app.settle((ctx) => app.totals.get(ctx, key));
    expect(await leaseUntil()).toBeGreaterThan(until + 4 * 60_000);
  });

  test("whose recompute fails lets its readers ask again, and heals", async () => {
    let isBroken = false;
    const app = await startLeased({
      compute: async (ctx, wanted) => {
        if (isBroken) throw new Error("broken");
        return await total(ctx, wanted);
      },
    });
    isBroken = true;
    await app.write();
    await app.advance();
    expect(await app.read()).toMatchObject({
      result: { state: "stale" },
      effects: [{ seen: await app.seen() }],
    });
    isBroken = false;
    await app.settle((ctx) => app.totals.get(ctx, key));
    expect(await app.read()).toMatchObject({ result: { state: "fresh", value: { count: 1 } } });
  });

  test("whose recompute died is recomputed by a later write, and is not waited for for ever", async () => {
    const app = await startLeased({ lease: { hours: 1 }, timeout: { minutes: 1 } });
    await app.write();
    await app.killJob();
    await app.advance(60_000);
    await app.write();
    await app.advance(10_000);
    expect(await app.read()).toMatchObject({ result: { state: "stale" }, effects: [] });
    await app.advance(2 * 60_000);
    await app.write();
    await app.advance();
    expect(await app.read()).toMatchObject({ result: { state: "fresh", value: { count: 3 } } });
  });

  test("whose recompute died asks its readers, when the lease is over", async () => {
    const app = await startLeased({ timeout: { minutes: 1 } });
    await app.write();
    await app.killJob();
    await app.advance(6 * 60_000);
    await app.write();
    expect(await app.read()).toMatchObject({
      result: { state: "stale" },
      effects: [{ seen: await app.seen() }],
    });
  });

  test("invalidate recomputes it too", async () => {
    const app = await startLeased();
    await app.mutation((ctx) => app.totals.invalidate(ctx, key));
    await app.advance();
    expect(await app.recomputes()).toBe(1);
    expect((await app.read()).result.state).toBe("fresh");
  });

  test("of a view without the option is none: writes only mark it", async () => {
    const app = startTotals();
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.mutation(add("a", 1));
    const [row] = await app.rows("totals");
    expect(row).not.toHaveProperty("leaseUntil");
    expect(row).not.toHaveProperty("pendingUntil");
  });
});
