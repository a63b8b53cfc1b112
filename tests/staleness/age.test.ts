import { type AnyView, allOf, anyOf, defineView, invalidated, olderThan } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp } from "../testApp.js";
import { add, copyRow, type Key, startTotals, type Totals, tables, totalsTable } from "../totals.js";

afterEach(endTestApp);

const MINUTE = 60_000;
const old = (minutes: number) => olderThan<Key, Totals>({ minutes });

describe("olderThan", () => {
  test("a row turns stale when the age has passed, and not before", async () => {
    const app = startTotals({ staleWhen: old(10) });
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    await app.advance(10 * MINUTE - 1);
    await app.testing.expectState(app.totals, { list: "a" }, "fresh");
    await app.advance(MINUTE);
    await app.testing.expectState(app.totals, { list: "a" }, "stale");
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    await app.testing.expectState(app.totals, { list: "a" }, "fresh");
  });

  test("a row that nobody reads is marked once, and never recomputed", async () => {
    const app = startTotals({ staleWhen: old(10) });
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    const [{ expiresAt, ...committed } = {}] = await app.rows("totals");
    expect(expiresAt).toBe((committed.computedAt as number) + 10 * MINUTE);
    await app.advance(11 * MINUTE);
    const [marked] = await app.rows("totals");
    expect(marked).toEqual(committed);
    await app.advance(24 * 60 * MINUTE);
    expect(await app.rows("totals")).toEqual([marked]);
    expect(await app.rows("lazySweeps")).toEqual([]);
  });

  test("nothing is scheduled for rows that cannot expire", async () => {
    const app = startTotals();
    await app.mutation(async (ctx) => {
      await app.totals.refresh(ctx, { list: "a" });
    });
    expect(await app.jobs()).toEqual([]);
    expect(await app.rows("lazySweeps")).toEqual([]);
  });

  test("rows that expire together are swept together, in transactions of a hundred", async () => {
    const app = startTotals({ staleWhen: old(10) });
    await app.settle((ctx) => app.totals.get(ctx, { list: "0" }));
    await copyRow(app, 1_000);
    expect(await app.rows("lazySweeps")).toContainEqual(expect.objectContaining({ table: "totals" }));
    await app.advance(20 * MINUTE);
    const rows = await app.rows("totals");
    expect(rows).toHaveLength(1_000);
    expect(rows.every(({ expiresAt }) => expiresAt === undefined)).toBe(true);
    expect(await app.rows("lazySweeps")).toEqual([]);
    const sweeps = (await app.jobs()).filter(
      ({ name, args }) => name === "lazy:sweep" && args[0].job.table === "totals",
    );
    expect(sweeps).toHaveLength(10);
  });

  test("a row that was committed again meanwhile is left alone", async () => {
    const app = startTotals({ staleWhen: anyOf(invalidated(), old(10)) });
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    await app.advance(6 * MINUTE);
    await app.mutation(async (ctx) => {
      await app.totals.refresh(ctx, { list: "a" });
    });
    await app.advance(6 * MINUTE);
    await app.testing.expectState(app.totals, { list: "a" }, "fresh");
    await app.advance(6 * MINUTE);
    await app.testing.expectState(app.totals, { list: "a" }, "stale");
  });

  test("with several ages a row is marked at each", async () => {
    const table = totalsTable;
    const totals = defineView("totals", {
      table,
      staleWhen: old(10),
      expiredWhen: old(60),
      onMissing: "null",
      compute: () => ({ count: 0, sum: 0 }),
    });
    const app = startTotals({}, { tables, views: { totals: totals as AnyView } });
    await app.mutation(async (ctx) => {
      await totals.refresh(ctx, { list: "a" });
    });
    await app.advance(11 * MINUTE);
    await app.testing.expectState(totals, { list: "a" }, "stale");
    await app.advance(48 * MINUTE);
    await app.testing.expectState(totals, { list: "a" }, "stale");
    await app.advance(5 * MINUTE);
    await app.testing.expectState(totals, { list: "a" }, "expired");
    expect(await app.query((ctx) => totals.get(ctx, { list: "a" }))).toBeNull();
  });

  test("combines with others: old and dirty", async () => {
    const app = startTotals({ staleWhen: allOf(invalidated(), old(10)) });
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    await app.mutation(add("a", 1));
    await app.testing.expectState(app.totals, { list: "a" }, "fresh");
    await app.advance(11 * MINUTE);
    await app.testing.expectState(app.totals, { list: "a" }, "stale");
  });

  test("rows from before the view asked for an age, or for a shorter one, are stale", async () => {
    const app = startTotals({ staleWhen: old(60) });
    const fields = await app.t.run(async (ctx) => {
      const row = { key: '{"list":"a"}', args: { list: "a" }, value: { count: 0, sum: 0 } };
      const stamps = { version: 1, asOf: 0n, computedAt: Date.now() };
      const id = await ctx.db.insert("totals", { ...row, ...stamps });
      return { id, computedAt: stamps.computedAt };
    });
    await app.testing.expectState(app.totals, { list: "a" }, "stale");
    const waitFor = (minutes: number) =>
      app.t.run(async (ctx) => {
        await ctx.db.patch(fields.id, { expiresAt: fields.computedAt + minutes * MINUTE });
      });
    await waitFor(120);
    await app.testing.expectState(app.totals, { list: "a" }, "stale");
    await waitFor(30);
    await app.testing.expectState(app.totals, { list: "a" }, "fresh");
  });

  test("a view that is not in the code any more ends its sweep", async () => {
    const app = startTotals();
    await app.t.run(async (ctx) => {
      const job = { kind: "due", table: "gone", sweepAt: Date.now() + MINUTE };
      await ctx.db.insert("lazySweeps", job);
      await ctx.scheduler.runAt(job.sweepAt, "lazy:sweep" as never, { job } as never);
    });
    await app.advance(2 * MINUTE);
    expect(await app.rows("lazySweeps")).toEqual([]);
  });

  test.each([
    [{ milliseconds: 999 }, "olderThan: 999 ms is too short"],
    [{ minutes: -1 }, "olderThan.minutes is the number -1"],
    ["1h", 'olderThan is the string "1h"'],
    [{ days: 1 }, "olderThan.days is the number 1; give hours, minutes"],
  ])("%o is refused", (age, message) => {
    expect(() => olderThan(age as never)).toThrow(message);
  });
});
