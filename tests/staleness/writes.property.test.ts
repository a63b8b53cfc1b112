import {
  anyApi,
  type FunctionReference,
  type GenericDataModel,
  type GenericQueryCtx,
  mutationGeneric,
} from "convex/server";
import { v } from "convex/values";
import { defineView, invalidated, viewTable } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { SEED } from "../seed.js";
import { endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import { type Totals, type TotalsOptions, tables, total, totalsView } from "../totals.js";
import { answerLater, applyChange, type Item } from "./listApp.js";
import { type Event, event, LISTS, type Step } from "./mutationHistories.js";

afterEach(() => {
  endTestApp();
  vi.unstubAllGlobals();
});

const VIEWS: Record<string, TotalsOptions> = {
  marked: {},
  applied: { applyChange },
  leased: { lease: { minutes: 1 } },
  "applied and leased": { applyChange, lease: { minutes: 1 } },
  expired: { expiredWhen: invalidated() },
  "in a snapshot": { mode: "snapshot" },
  "applied, and in a snapshot": { mode: "snapshot", applyChange },
};

const keyOf = ({ list }: { list: string }) => ({ list });
const runSteps = anyApi.sub?.run as FunctionReference<"mutation">;
const recompute = anyApi.lazy?.recompute as FunctionReference<"mutation">;

/** An app with the view `totals`, and a view `sums` over its rows. */
function start(options: TotalsOptions) {
  const totals = totalsView(options);
  const sumsTable = viewTable({ key: {}, value: { sum: v.number() } });
  const sums = defineView("sums", {
    table: sumsTable,
    sources: { totals: () => [{}] },
    compute: async (ctx: GenericQueryCtx<GenericDataModel>) => {
      const rows = (await ctx.db.query("totals").collect()) as unknown as { value: Totals }[];
      return { sum: rows.reduce((sum, { value }) => sum + value.sum, 0) };
    },
  });

  const perform = async (ctx: MutationCtx, step: Step): Promise<void> => {
    const { db } = ctx;
    const find = async (index: number) => {
      const items = (await db.query("items").collect()) as unknown as Item[];
      return items[index % Math.max(items.length, 1)]?._id;
    };
    // The document may be deleted by then: an app would catch the error, and go on.
    const onItem = async (index: number, work: (id: never) => Promise<unknown>) => {
      const id = await find(index);
      if (id !== undefined) await work(id).catch(() => {});
    };
    switch (step.do) {
      case "insert":
        await db.insert("items", { list: step.list, n: step.n });
        break;
      case "patch":
        return await onItem(step.item, (id) => db.patch(id, { n: step.n }));
      case "move":
        return await onItem(step.item, (id) => db.patch("items", id, { list: step.list }));
      case "replace":
        return await onItem(step.item, (id) => db.replace(id, { list: step.list, n: 5 } as never));
      case "remove":
        return await onItem(step.item, (id) => db.delete(id));
      case "get":
        return await onItem(step.item, (id) => db.get(id));
      case "refresh":
        await totals.refresh(ctx, keyOf(step));
        break;
      case "invalidate":
        return await totals.invalidate(ctx, keyOf(step));
      case "evict":
        await totals.evict(ctx, keyOf(step));
        break;
      case "read":
        await totals.get(ctx, keyOf(step));
        break;
      case "query":
        await db.query("items").collect();
        break;
      case "pause":
        for (let i = 0; i < step.ticks; i++) await null;
        break;
      case "one by one":
        return await performAll(ctx, step.steps);
      case "side by side":
        await Promise.all(step.steps.map((each) => perform(ctx, each)));
        break;
      case "unawaited":
        // A write that begins too late is refused, and does nothing.
        void performAll(ctx, step.steps).catch((error) => {
          if (!String(error).includes("after its mutation had ended")) throw error;
        });
        break;
      case "sub-mutation":
        await ctx.runMutation(runSteps, { steps: step.steps, throws: false });
        break;
      case "sub-mutation that throws":
        await ctx.runMutation(runSteps, { steps: step.steps, throws: true }).catch(() => {});
    }
  };
  const performAll = async (ctx: MutationCtx, steps: Step[]) => {
    for (const step of steps) await perform(ctx, step);
  };

  const app = startTestApp({
    tables: { ...tables, sums: sumsTable },
    views: { totals, sums },
    build: (lazy) => ({
      sub: {
        run: lazy.mutation(mutationGeneric)({
          args: { steps: v.any(), throws: v.boolean() },
          handler: async (ctx, { steps, throws }) => {
            await performAll(ctx as unknown as MutationCtx, steps);
            if (throws) throw new Error("on purpose");
          },
        }),
      },
    }),
  });
  return { ...app, totals, sums, performAll };
}

async function runHistory(options: TotalsOptions, isLate: boolean, events: Event[]) {
  vi.unstubAllGlobals();
  const app = start(options);
  const { t, totals, sums } = app;
  const stored = async () => [await app.rows("items"), await app.rows("totals"), await app.rows("sums")];
  const happen = async (event: Event) => {
    if (event.do === "wait") return await app.advance(event.ms);
    if (event.do === "begin") {
      const job = { kind: "attempt", view: "totals", args: keyOf(event) };
      return void (await t.mutation(recompute, { job }));
    }
    const throws = event.do === "mutation that throws";
    const before = throws ? await stored() : [];
    if (isLate) answerLater();
    const mutation = app.mutation(async (ctx) => {
      await app.performAll(ctx, event.steps);
      if (throws) throw new Error("in the end");
    });
    if (!throws) await mutation;
    else await expect(mutation).rejects.toThrow("in the end");
    vi.unstubAllGlobals();
    if (throws) expect(await stored()).toEqual(before);
  };
  /** Expects one row for each key, which is right or not fresh. */
  const check = async () => {
    const rows = await app.rows("totals");
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
    for (const list of LISTS) {
      const { state, value } = await app.testing.peek(totals, { list });
      const now = await t.run(async (ctx) => await total(ctx as never, { list }));
      if (state === "fresh") expect(value).toEqual(now);
    }
    const { state, value } = await app.testing.peek(sums, {});
    const sum = rows.reduce((all, row) => all + (row.value as Totals).sum, 0);
    if (state === "fresh") expect(value).toEqual({ sum });
    expect((await app.rows("sums")).length).toBeLessThanOrEqual(1);
  };

  for (const list of LISTS) await app.settle((ctx) => totals.get(ctx, { list }));
  await app.settle((ctx) => sums.get(ctx, {}));
  await app.advance(10_000);
  for (const event of events) {
    await happen(event);
    await check();
  }
  await app.advance(10_000);
  for (const list of LISTS) await app.settle((ctx) => totals.get(ctx, { list }));
  await app.settle((ctx) => sums.get(ctx, {}));
  await check();
  for (const list of LISTS) await app.testing.expectState(totals, { list }, "fresh");
}

test.each(Object.keys(VIEWS).map((name, i) => [name, i] as const))(
  "whatever mutations do, a row is right or not fresh: %s",
  async (name, i) => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(event, { minLength: 1, maxLength: 6 }), async (isLate, events) => {
        await runHistory(VIEWS[name] as TotalsOptions, isLate, events);
        endTestApp();
      }),
      { seed: 7 * SEED + i, numRuns: 40 },
    );
  },
);
