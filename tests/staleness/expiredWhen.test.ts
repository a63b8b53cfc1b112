import { defineView, invalidated, when } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, type Key, type Totals, tables, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

interface Options {
  onMissing?: "null" | "compute";
  broken?: () => boolean;
  version?: number;
  compatible?: number[];
}

function startHard({ broken = () => false, ...options }: Options = {}) {
  const totals = defineView("totals", {
    table: totalsTable,
    sources: { items: ({ list }: Key) => [{ list }] },
    expiredWhen: invalidated(),
    staleWhen: when((_: { value: Totals }) => {
      if (broken()) throw new Error("broken predicate");
      return false;
    }),
    onMissing: "null",
    compute: total,
    ...options,
  });
  return { ...startTestApp({ tables, views: { totals } }), totals };
}

describe("expiredWhen", () => {
  test("a value from before a change is never served", async () => {
    const { totals, ...app } = startHard();
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    await app.mutation(add("a", 1));
    const { result, effects } = await app.collect((ctx) => totals.read(ctx, { list: "a" }));
    expect(result).toMatchObject({ state: "expired", value: null, version: 1 });
    const [row] = await app.rows("totals");
    expect(effects).toMatchObject([{ seen: row?.asOf }]);
  });

  test('with onMissing: "compute" the query answers itself, and the effect backfills the row', async () => {
    const { totals, testing, ...app } = startHard({ onMissing: "compute" });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    await app.mutation(add("a", 1));
    const read = () => app.collect((ctx) => totals.read(ctx, { list: "a" }));
    const { result, messages } = await read();
    expect(result).toMatchObject({ state: "expired", value: { count: 1, sum: 1 } });
    await testing.deliver(messages);
    await testing.advance(10_000);
    expect(await read()).toMatchObject({
      result: { state: "fresh", value: { count: 1 } },
      effects: [],
    });
  });

  test("the mutation that changes a source does not see the old value either", async () => {
    const { totals, ...app } = startHard({ onMissing: "compute" });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    const value = await app.mutation(async (ctx) => {
      await add("a", 3)(ctx);
      return await totals.get(ctx, { list: "a" });
    });
    expect(value).toEqual({ count: 1, sum: 3 });
  });

  test("a predicate that throws counts as expired: what cannot be judged is not served", async () => {
    let isBroken = false;
    const { totals, ...app } = startHard({ broken: () => isBroken });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    isBroken = true;
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    expect(await app.query((ctx) => totals.get(ctx, { list: "a" }))).toBeNull();
    expect(complaints.mock.calls[0]?.[0]).toContain("the row counts as expired");
  });

  test("a row of a compatible version that is out of date is not served either", async () => {
    const { totals, ...app } = startHard({ version: 2, compatible: [1] });
    const insert = (list: string, more: object) =>
      app.t.run(async (ctx) => {
        const row = { key: `{"list":"${list}"}`, args: { list }, value: { count: 7, sum: 7 } };
        const stamps = { version: 1, asOf: 0n, computedAt: 0 };
        await ctx.db.insert("totals", { ...row, ...stamps, ...more });
      });
    await insert("clean", {});
    await insert("dirty", { dirtyAt: 1 });
    await app.testing.expectState(totals, { list: "clean" }, "stale");
    await app.testing.expectState(totals, { list: "dirty" }, "expired");
  });

  test("staleWhen keeps its default beside it", async () => {
    const totals = defineView("totals", {
      table: totalsTable,
      sources: { items: ({ list }: Key) => [{ list }] },
      expiredWhen: when(({ value }: { value: Totals }) => value.count > 1),
      compute: async (ctx, key) => ({ ...(await total(ctx as never, key)), count: 0 }),
    });
    const app = startTestApp({ tables, views: { totals } });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    await app.mutation(add("a", 1));
    await app.testing.expectState(totals, { list: "a" }, "stale");
  });
});
