import {
  anyApi,
  type FunctionReference,
  type GenericDataModel,
  type GenericMutationCtx,
  internalMutationGeneric,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { wrapDatabaseWriter } from "convex-helpers/server/rowLevelSecurity";
import { Triggers } from "convex-helpers/server/triggers";
import { effectsOf, invalidated, type LazyViews } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions, tables, total, totalsView } from "../totals.js";

afterEach(endTestApp);

type Ctx = GenericMutationCtx<GenericDataModel>;
const key = { list: "a" };
const countItems = anyApi.triggered?.countItems as FunctionReference<"query">;
const readTotals = anyApi.triggered?.read as FunctionReference<"query">;

/** An app whose function `triggered:run` runs a test's function, with triggers on top of the library. */
function start(options: TotalsOptions) {
  const triggers = new Triggers<GenericDataModel, Ctx>();
  const totals = totalsView({ onMissing: "null", ...options });
  let body: (ctx: Ctx) => Promise<unknown> = async () => null;
  const app = startTestApp({
    tables,
    views: { totals },
    build: (lazy) => ({
      triggered: {
        read: lazy.query(queryGeneric)({
          args: {},
          handler: async (ctx) => await totals.read(ctx as unknown as QueryCtx, key),
        }),
        countItems: queryGeneric({
          args: {},
          handler: async (ctx) => ({ count: (await ctx.db.query("items").collect()).length, sum: 0 }),
        }),
        run: customMutation(
          lazy.mutation(mutationGeneric),
          customCtx((ctx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) })),
        )({ args: {}, handler: async (ctx) => void (await body(ctx)) }),
      },
    }),
  });
  return {
    ...app,
    totals,
    triggers,
    run: async (work: typeof body) => {
      body = work;
      await app.t.mutation(anyApi.triggered?.run as FunctionReference<"mutation">);
    },
    /** Makes a list with one item and a fresh row. Returns the item's id. */
    async load() {
      const id = await app.mutation(add("a", 1));
      await app.readAndSettle((ctx) => totals.get(ctx, key));
      await app.testing.expectState(totals, key, "fresh");
      return id;
    },
  };
}

const writes: [string, (db: Ctx["db"], id: never) => Promise<unknown>][] = [
  ["insert", (db) => db.insert("items", { list: "a", n: 10 })],
  ["patch", (db, id) => db.patch(id, { n: 10 })],
  ["patch with the table's name", (db, id) => db.patch("items", id, { n: 10 })],
  ["replace", (db, id) => db.replace(id, { list: "a", n: 10 })],
  ["replace with the table's name", (db, id) => db.replace("items", id, { list: "a", n: 10 })],
  ["delete", (db, id) => db.delete(id)],
  ["delete with the table's name", (db, id) => db.delete("items", id)],
  ["patch to another list", (db, id) => db.patch(id, { list: "b" })],
];

describe.each(writes)("a trigger that reads a view of its own table, after %s", (_, write) => {
  test("finds the row expired, where expiredWhen says so", async () => {
    const app = start({ expiredWhen: invalidated() });
    const id = await app.load();
    const seen: unknown[] = [];
    app.triggers.register("items", async (ctx) => {
      seen.push(await app.totals.read(ctx as never, key), await app.totals.peek(ctx, key));
    });
    await app.run(({ db }) => write(db, id as never));
    expect(seen).toEqual([1, 2].map(() => expect.objectContaining({ state: "expired", value: null })));
  });

  test("finds the change in the row, where the view applies changes", async () => {
    const app = start({
      applyChange: ({ count, sum }, { before, after }) => ({
        count: count + (after ? 1 : 0) - (before ? 1 : 0),
        sum: sum + (after?.n ?? 0) - (before?.n ?? 0),
      }),
    });
    const id = await app.load();
    let isRun = false;
    app.triggers.register("items", async (ctx) => {
      const { state, value } = await app.totals.read(ctx as never, key);
      expect([state, value]).toEqual(["fresh", await total(ctx, key)]);
      isRun = true;
    });
    await app.run(({ db }) => write(db, id as never));
    expect(isRun).toBe(true);
  });

  test("finds the row stale also after a write of another trigger, through db or innerDb", async () => {
    for (const name of ["db", "innerDb"] as const) {
      const app = start({});
      const id = await app.load();
      const states: string[] = [];
      app.triggers.register("notes", async (ctx) => void (await write(ctx[name] as Ctx["db"], id as never)));
      app.triggers.register("notes", async (ctx) => void states.push((await app.totals.read(ctx as never, key)).state));
      await app.run(({ db }) => db.insert("notes", { text: "x" }));
      expect(states).toEqual(["stale"]);
      endTestApp();
    }
  });
});

/** Each item invalidates many lists, its own list last, so that this row is marked late. */
const slow: TotalsOptions = {
  sources: {
    items: ({ list }: { list: string }) => [...Array.from({ length: 20 }, (_, i) => ({ list: `${i}` })), { list }],
  },
};

const LOOKS = ["read", "peek", "runQuery"] as const;

test("a reader beside writes of the same mutation, that has seen a change, never finds the row fresh", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.nat(12), fc.constantFrom(...LOOKS), async (turns, between, look) => {
      const app = start(slow);
      const id = await app.load();
      const wait = async (count: number) => {
        for (let i = 0; i < count; i++) await null;
      };
      await app.mutation(async (ctx) => {
        const patch = ctx.db.patch(id as never, { n: 10 } as never);
        await wait(turns);
        const { sum } = await total(ctx, key);
        await wait(between);
        const { state } = await {
          read: () => app.totals.read(ctx, key),
          peek: () => app.totals.peek(ctx, key),
          runQuery: () => ctx.runQuery(readTotals),
        }[look]();
        if (sum === 10) expect(state).toBe("stale");
        await patch;
      });
      endTestApp();
    }),
  );
});

test("a trigger beside a write of another table finds no row fresh whose source it has seen changed", async () => {
  const app = start(slow);
  const id = await app.load();
  const seen: [number, string][] = [];
  app.triggers.register("notes", async (ctx) => {
    const { sum } = await total(ctx, key);
    seen.push([sum, (await app.totals.read(ctx as never, key)).state]);
  });
  await app.run(async ({ db }) => {
    const writes = [];
    for (let i = 0; i < 5; i++) writes.push(db.insert("notes", { text: "x" }), db.patch(id as never, { n: 10 + i }));
    await Promise.all(writes);
  });
  expect(seen).toHaveLength(5);
  for (const [sum, state] of seen) expect([sum, state]).toEqual(sum === 1 ? [1, expect.any(String)] : [sum, "stale"]);
});

test("a compute that runs a query does not wait for the refresh that it is a part of, nor for writes behind it", async () => {
  const app = start({ compute: async (ctx) => await ctx.runQuery(countItems, {}) });
  await app.mutation(async (ctx) => {
    const begun = [add("a", 1)(ctx), app.totals.refresh(ctx, key), add("a", 2)(ctx)];
    const [, first] = await Promise.all(begun);
    expect(first).toEqual({ count: 1, sum: 0 });
  });
  await app.testing.expectState(app.totals, key, "stale");
});

describe("a builder that wraps ctx.db, below lazy.mutation", () => {
  /** An app with a function that adds an item, and whose builder wraps `ctx.db` below the library. */
  function startBelow(below: (raw: typeof mutationGeneric) => unknown) {
    const app = startTotals(
      { onMissing: "null" },
      {
        build: (lazy: LazyViews<GenericDataModel>) => ({
          below: {
            add: lazy.mutation(below(mutationGeneric) as never)({
              args: {},
              handler: async (ctx: object) => await add("a", 5)(ctx as QueryCtx),
            }),
          },
        }),
      },
    );
    return { ...app, add: () => app.t.mutation(anyApi.below?.add as FunctionReference<"mutation">) };
  }

  test.each<[string, (ctx: Ctx) => object]>([
    ["triggers", (ctx) => new Triggers<GenericDataModel, Ctx>().wrapDB(ctx)],
    ["row-level security", (ctx) => ({ db: wrapDatabaseWriter({}, ctx.db, {}) })],
  ])("is refused, with the right order: %s", async (_, wrap) => {
    const app = startBelow((raw) => customMutation(raw, customCtx(wrap as never)));
    await expect(app.add()).rejects.toThrow(
      "Put it on top: customMutation(lazy.mutation(rawMutation), customCtx((ctx) => triggers.wrapDB({ ...ctx,",
    );
    expect(await app.rows("items")).toEqual([]);
  });

  test.each<[string, (raw: typeof mutationGeneric) => unknown]>([
    [
      "a builder that adds to ctx",
      (raw) =>
        customMutation(
          raw,
          customCtx(async () => ({ user: "me" })),
        ),
    ],
    ["Convex's builder of internal mutations", () => internalMutationGeneric],
    ["a builder of the app's own", (raw) => (definition: never) => raw(definition)],
  ])("is not: %s", async (_, below) => {
    const app = startBelow(below);
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.add();
    await app.testing.expectState(app.totals, key, "stale");
  });
});
