import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import { v } from "convex/values";
import { type AnyView, changed, defineView, not, type View, viewTable, when } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import { add, type Key, startTotals, tables } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };

/** The greatest number of a list; undefined when it is empty. */
async function greatest(ctx: GenericQueryCtx<GenericDataModel>, { list }: Key): Promise<number | undefined> {
  const items = await ctx.db
    .query("items")
    .withIndex("by_list", (q) => q.eq("list", list))
    .collect();
  const numbers = items.map(({ n }) => Number(n)).sort((a, b) => b - a);
  return numbers[0];
}

type AnyTotals = View<Key, unknown, unknown>;

/** An app with a view `totals` of any value, with a test's options. */
function start(options: object, value: unknown = v.any()) {
  const table = viewTable({ key: { list: v.string() }, value: value as never });
  const totals = defineView("totals", {
    table,
    sources: { items: ({ list }: Key) => [{ list }] },
    ...options,
  } as never) as never as AnyTotals;
  const app = startTestApp({
    tables: { ...tables, totals: table },
    views: { totals: totals as AnyView },
  });
  const read = () => app.readAndSettle((ctx) => totals.read(ctx, key));
  return {
    ...app,
    totals,
    read,
    /** The result of a read after all recomputes. */
    async settled() {
      await read();
      return await app.query((ctx) => totals.read(ctx, key));
    },
    failures: async () => (await app.inspect()).views.totals?.failures.map(({ message }) => message),
  };
}

describe("undefined is null", () => {
  test.each(["transaction", "snapshot"])("from a compute in the mode %s", async (mode) => {
    const app = start({ compute: greatest, mode, onMissing: "null" });
    expect(await app.settled()).toMatchObject({ state: "fresh", value: null });
  });

  test("from a compute in an action", async () => {
    const app = start({ compute: () => undefined, mode: "action", onMissing: "null" });
    expect(await app.settled()).toMatchObject({ state: "fresh", value: null });
  });

  test("from initial, reduce and finish of a paged view", async () => {
    const accumulated: unknown[] = [];
    const app = start({
      mode: "paged",
      onMissing: "null",
      page: async () => ({ page: [1, 2], isDone: true, continueCursor: "" }),
      initial: () => undefined,
      reduce: (all: unknown) => void accumulated.push(all),
      finish: (all: unknown) => void accumulated.push(all),
    });
    expect(await app.settled()).toMatchObject({ state: "fresh", value: null });
    expect(accumulated).toEqual([null, null, null]);
  });

  test("from a compute in the query itself, and from refresh", async () => {
    const app = start({ compute: greatest, onMissing: "compute" });
    expect(await app.query((ctx) => app.totals.get(ctx, key))).toBeNull();
    expect(await app.mutation((ctx) => app.totals.refresh(ctx as MutationCtx, key))).toBeNull();
  });

  test("so a value's validator says whether it fits", async () => {
    const fitting = start({ compute: greatest, onMissing: "null" }, v.union(v.null(), v.number()));
    expect(await fitting.settled()).toMatchObject({ state: "fresh", value: null });
    const misfit = start({ compute: greatest, onMissing: "null" }, v.object({ n: v.number() }));
    await misfit.read();
    expect(await misfit.failures()).toEqual(['view "totals": value: expected object, got null.']);
  });

  test("from a probe: the row is fresh, until there is something, and again when that is gone", async () => {
    const app = startTotals({ staleWhen: changed(greatest as never), sources: {}, onMissing: "null" });
    const settled = async () => {
      await app.readAndSettle((ctx) => app.totals.get(ctx, key));
      return await app.query((ctx) => app.totals.read(ctx, key));
    };
    expect(await settled()).toMatchObject({ state: "fresh", value: { count: 0 } });
    const id = await app.mutation(add("a", 1));
    await app.testing.expectState(app.totals, key, "stale");
    expect(await settled()).toMatchObject({ state: "fresh", value: { count: 1 } });
    await app.mutation((ctx) => ctx.db.delete(id as never));
    await app.testing.expectState(app.totals, key, "stale");
    expect(await settled()).toMatchObject({ state: "fresh", value: { count: 0 } });
  });
});

test.each([undefined, null])("a when() that returns %s says that the row is fresh", async (said) => {
  const judge = when(() => said as never);
  const fresh = startTotals({ staleWhen: judge, onMissing: "null" });
  await fresh.readAndSettle((ctx) => fresh.totals.get(ctx, key));
  await fresh.testing.expectState(fresh.totals, key, "fresh");
  endTestApp();
  const opposite = startTotals({ staleWhen: not(judge), onMissing: "null" });
  await opposite.readAndSettle((ctx) => opposite.totals.get(ctx, key));
  const [failure] = (await opposite.inspect()).views.totals?.failures ?? [];
  expect(failure?.message).toContain("staleWhen calls the row stale right after it was computed");
});

test("a field that is undefined is no field, and an item that is undefined is an error, as in Convex", async () => {
  const withField = start(
    { compute: () => ({ n: 1, extra: undefined }), onMissing: "null" },
    v.object({ n: v.number() }),
  );
  expect(await withField.settled()).toMatchObject({ state: "fresh", value: { n: 1 } });
  expect(Object.keys((await withField.rows("totals"))[0]?.value as object)).toEqual(["n"]);
  const withItem = start({ compute: () => [1, undefined], onMissing: "null" });
  await withItem.read();
  expect(await withItem.failures()).toEqual(['view "totals": value[1] is undefined; give a Convex value.']);
});

test("applyChange that returns undefined still means: compute anew", async () => {
  const complaints = vi.spyOn(console, "error");
  const app = start({ compute: greatest, applyChange: () => undefined, onMissing: "null" });
  await app.settled();
  await app.mutation(add("a", 3));
  await app.testing.expectState(app.totals, key, "stale");
  expect(complaints).not.toHaveBeenCalled();
});
