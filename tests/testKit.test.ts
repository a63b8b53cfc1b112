import { anyApi } from "convex/server";
import { testViews } from "convex-lazy-views/test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, noteTargets } from "./testApp.js";
import { add, startTotals } from "./totals.js";

afterEach(endTestApp);

const key = { list: "a" };

describe("testViews", () => {
  test("settle reads until the row is fresh, and gives the last result", async () => {
    const { totals, ...app } = startTotals();
    await app.mutation(add("a", 2));
    const { result } = await app.collect((ctx) => totals.get(ctx, key));
    expect(result).toBeNull();
    expect(await app.settle((ctx) => totals.get(ctx, key))).toEqual({ count: 1, sum: 2 });
  });

  test("settle waits for the end of an open window, and lets no more time pass", async () => {
    const { totals, ...app } = startTotals();
    const before = Date.now();
    await app.settle((ctx) => totals.get(ctx, key));
    expect(Date.now() - before).toBeLessThan(100);
    await app.mutation(add("a", 2));
    expect(await app.settle((ctx) => totals.get(ctx, key))).toEqual({ count: 1, sum: 2 });
    expect(Date.now() - before).toBeGreaterThanOrEqual(10_000);
    expect(Date.now() - before).toBeLessThan(11_000);
  });

  test("settle waits for a recompute that is on its way, though readers raise nothing", async () => {
    const { totals, ...app } = startTotals({ lease: { minutes: 5 } });
    await app.settle((ctx) => totals.get(ctx, key));
    // First a recompute that is put off to the end of its window, then one that starts at once.
    for (const count of [1, 2]) {
      await app.mutation(add("a", 2));
      expect(await app.settle((ctx) => totals.get(ctx, key))).toEqual({ count, sum: 2 * count });
      await app.advance(10_000);
    }
  });

  test("plays the clients of an app that has no log stream, nor a route for one", async () => {
    const { totals, ...app } = startTotals({}, { transports: ["client"], modules: { notes: noteTargets(), http: {} } });
    await app.settle((ctx) => {
      ctx.scheduleEffect(anyApi.notes?.note as never, { text: "seen" } as never);
      return totals.get(ctx, key);
    });
    expect(await app.rows("notes")).toHaveLength(1);
    await app.mutation(add("a", 2));
    const { effects } = await app.collect((ctx) => totals.get(ctx, key));
    const [row] = await app.rows("totals");
    expect(effects).toMatchObject([{ target: "lazy:recompute", seen: row?.asOf }]);
    expect(await app.settle((ctx) => totals.get(ctx, key))).toEqual({ count: 1, sum: 2 });
  });

  test("settle throws when a scheduled function of the library has failed, whatever has failed before", async () => {
    const app = startTotals({ onMissing: "null" });
    vi.spyOn(console, "error").mockReturnValue();
    const failing = () =>
      app.t.run((ctx) =>
        ctx.scheduler.runAfter(0, anyApi.lazy?.recompute as never, { job: { kind: "unknown" } } as never),
      );
    await failing();
    await app.advance();
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 0, sum: 0 });
    await app.mutation(add("a", 1));
    await expect(
      app.testing.settle(async () => {
        await failing();
        return await app.query((ctx) => app.totals.get(ctx, key));
      }),
    ).rejects.toThrow("settle: the scheduled function lazy:recompute has failed");
  });

  test("settle tries the exports once, and leaves no trace of it", async () => {
    const app = startTotals({ onMissing: "null" });
    await app.settle((ctx) => app.totals.get(ctx, key));
    expect(await app.rows("lazyHealth")).toEqual([]);
    expect((await app.jobs()).map(({ name }) => name).sort()).toEqual(["lazy:recompute", "lazy:sweep"]);
  });

  test("settle ends with effects that every read raises, when they have run", async () => {
    const app = startTotals({}, { modules: { notes: noteTargets() } });
    let reads = 0;
    await app.settle((ctx) => {
      reads++;
      ctx.scheduleEffect(anyApi.notes?.note as never, { text: "seen" } as never);
    });
    expect(await app.rows("notes")).toHaveLength(1);
    expect(reads).toBe(2);
  });

  test("settle gives up with what is still raised, and why it failed", async () => {
    const { totals, ...app } = startTotals({
      compute: () => {
        throw new Error("broken compute");
      },
    });
    await expect(app.settle((ctx) => totals.get(ctx, key))).rejects.toThrow(
      /^settle: after 20 reads the query still raises lazy:recompute .*"list":"a".* Failed: .*broken compute/,
    );
  });

  test("expectState says what was found, and why the last recompute failed", async () => {
    const { totals, testing, ...app } = startTotals({
      compute: () => {
        throw new Error("broken compute");
      },
    });
    await testing.expectState(totals, key, "missing");
    await app.readAndSettle((ctx) => totals.get(ctx, key));
    await expect(testing.expectState(totals, key, "fresh")).rejects.toThrow(
      /^totals \{"list":"a"\} is missing, expected fresh\. Failed: .*broken compute/,
    );
  });

  test("peek raises nothing", async () => {
    const { totals, testing } = startTotals();
    const { result, effects } = await testing.collect(() => testing.peek(totals, key));
    expect(result.state).toBe("missing");
    expect(effects).toEqual([]);
  });

  test("sets the secrets that are not set, and leaves those that are", () => {
    const app = startTotals();
    vi.stubEnv("LAZY_VIEWS_SECRET", "");
    testViews(app.t, vi);
    expect(process.env.LAZY_VIEWS_SECRET?.length).toBeGreaterThanOrEqual(32);
    expect(process.env.LAZY_VIEWS_STREAM_SECRET).toBe("the stream's own secret");
  });

  test("delivering nothing calls nothing", async () => {
    const { testing, ...app } = startTotals();
    const fetched = vi.spyOn(app.t, "fetch");
    await testing.deliver([]);
    expect(fetched).not.toHaveBeenCalled();
  });
});
