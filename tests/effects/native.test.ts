import { anyApi, type FunctionReference, getFunctionName, queryGeneric } from "convex/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Effect } from "../../src/effects/effect.js";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";
import { tables, totalsView } from "../totals.js";

afterEach(endTestApp);

type Scheduled = { target: string; effects: Effect[] };
type Definition = { handler: (ctx: object, args: unknown) => unknown };

/** An app on a Convex whose queries have a `ctx.scheduleEffect` of their own. */
function startOnNative(scheduleEffect: (target: unknown, args: { effects: Effect[] }) => void) {
  const totals = totalsView();
  /** What `query` of `_generated/server` would be there. */
  const nativeQuery = (definition: Definition) =>
    queryGeneric({
      ...definition,
      handler: async (ctx: object, args: unknown) =>
        await definition.handler({ ...ctx, scheduleEffect }, args),
    } as never);
  const app = startTestApp({
    tables,
    views: { totals },
    build: (lazy) => ({
      reads: {
        totals: lazy.query(nativeQuery as never)({
          args: {},
          handler: async (ctx: unknown) => await totals.get(ctx as QueryCtx, { list: "a" }),
        } as never),
      },
    }),
  });
  const read = () => app.t.query(anyApi.reads?.totals as FunctionReference<"query">);
  return { ...app, totals, read };
}

describe("on a Convex whose queries can schedule effects", () => {
  test("effects are handed to it, and nothing is logged; the ledger still drops repetitions", async () => {
    const scheduled: Scheduled[] = [];
    const app = startOnNative((target, { effects }) => {
      scheduled.push({ target: getFunctionName(target as never), effects });
    });
    for (let i = 0; i < 3; i++) {
      const { result, messages } = await app.testing.collect(app.read);
      expect(result).toBeNull();
      expect(messages).toEqual([]);
    }
    expect(scheduled.map(({ target }) => target)).toEqual(Array(3).fill("lazy:dispatch"));
    const [first, second] = scheduled;
    expect(await app.dispatch(first?.effects ?? [])).toMatchObject({ dispatched: 1 });
    expect(await app.dispatch(second?.effects ?? [])).toMatchObject({ duplicates: 1 });
    await app.advance(1_000);
    expect(await app.read()).toEqual({ count: 0, sum: 0 });
    expect(scheduled).toHaveLength(3);
  });

  test("when it fails, the console says so and the read gives its value", async () => {
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    const app = startOnNative(() => {
      throw new Error("no room");
    });
    expect(await app.read()).toBeNull();
    expect(complaints.mock.calls[0]?.[0]).toBe(
      "convex-lazy-views: 1 effect(s) were not sent: no room",
    );
  });
});
