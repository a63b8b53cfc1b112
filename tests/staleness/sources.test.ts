import {
  anyApi,
  defineTable,
  type FunctionReference,
  type GenericDataModel,
  type GenericMutationCtx,
  mutationGeneric,
} from "convex/server";
import { ConvexError, v } from "convex/values";
import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { defineView, effectsOf } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import { add, startTotals, tables, total, totalsTable, totalsView } from "../totals.js";

afterEach(endTestApp);

/** An app with clean rows of these lists. */
async function startWith(lists: string[], app = startTotals()) {
  await app.mutation(async (ctx) => {
    for (const list of lists) await app.totals.refresh(ctx, { list });
  });
  const dirty = async () =>
    (await app.rows("totals"))
      .filter((row) => row.dirtyAt !== undefined)
      .map((row) => (row.args as { list: string }).list)
      .sort();
  return { ...app, dirty };
}

/** An app with a mutation `sub:refresh`, which refreshes the list "a". */
function startWithRefresh() {
  const app = startTotals(
    {},
    {
      build: (lazy) => ({
        sub: {
          refresh: lazy.mutation(mutationGeneric)({
            args: {},
            handler: async (ctx) => void (await app.totals.refresh(ctx, { list: "a" })),
          }),
        },
      }),
    },
  );
  return app;
}

describe("a change of a source", () => {
  test("insert, patch, replace and delete each mark the key of their document", async () => {
    const app = await startWith(["a", "b"]);
    const clean = () => app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
    const id = await app.mutation(add("a", 1));
    expect(await app.dirty()).toEqual(["a"]);
    const changes: ((ctx: MutationCtx) => Promise<unknown>)[] = [
      (ctx) => ctx.db.patch(id as never, { n: 2 }),
      (ctx) => ctx.db.replace(id as never, { list: "a", n: 3 } as never),
      (ctx) => ctx.db.delete(id as never),
    ];
    for (const change of changes) {
      await clean();
      expect(await app.dirty()).toEqual([]);
      await app.mutation(change);
      expect(await app.dirty()).toEqual(["a"]);
    }
  });

  test.each<[string, (...args: unknown[]) => unknown[]]>([
    ["with the table's name", (...args) => ["items", ...args]],
    ["without it", (...args) => args],
    ["as wrappers hand it on, with undefined at the end", (...args) => [...args, undefined]],
  ])("marks however it is called: %s", async (_, argsOf) => {
    type Write = (...args: unknown[]) => Promise<unknown>;
    const app = await startWith(["a"]);
    const id = await app.mutation(add("a", 1));
    const changes = [["patch", { n: 2 }], ["replace", { list: "a", n: 3 }], ["delete"]] as const;
    for (const [method, ...rest] of changes) {
      await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
      await app.mutation(({ db }) => (db[method] as unknown as Write)(...argsOf(id, ...rest)));
      expect(await app.dirty(), method).toEqual(["a"]);
    }
    expect(await app.rows("items")).toEqual([]);
  });

  test("that moves a document from one key to another marks both", async () => {
    const app = await startWith(["a", "b", "c"]);
    const id = await app.mutation(add("a", 1));
    await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
    await app.mutation((ctx) => ctx.db.patch(id as never, { list: "b" }));
    expect(await app.dirty()).toEqual(["a", "b"]);
  });

  test("of several keys a document marks each, and rows that do not exist are left alone", async () => {
    const pairs = defineView("totals", {
      table: totalsTable,
      sources: {
        pairs: (pair: { left: string; right: string }) => [
          { list: pair.left },
          { list: pair.right },
          { list: "nobody asked for this" },
        ],
      },
      compute: total,
    });
    const app = startTestApp({
      tables: { ...tables, pairs: defineTable({ left: v.string(), right: v.string() }) },
      views: { pairs },
    });
    const started = await startWith(["a", "b", "c"], { ...app, totals: pairs } as never);
    await app.mutation((ctx) => ctx.db.insert("pairs", { left: "a", right: "c" } as never));
    expect(await started.dirty()).toEqual(["a", "c"]);
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("many changes of one mutation mark a key once; the mark is seen in the same mutation", async () => {
    const app = await startWith(["a"]);
    const used = await app.mutation(async (ctx) => {
      await add("a", 1)(ctx);
      const { state } = await app.totals.peek(ctx, { list: "a" });
      expect(state).toBe("stale");
      const before = (await ctx.meta.getTransactionMetrics()).documentsWritten.used;
      for (let n = 0; n < 20; n++) await add("a", n)(ctx);
      return (await ctx.meta.getTransactionMetrics()).documentsWritten.used - before;
    });
    expect(used).toBe(20);
  });

  test("after a sub-mutation that refreshed the row marks it again", async () => {
    const app = startWithRefresh();
    await app.mutation(async (ctx) => {
      await app.totals.refresh(ctx, { list: "a" });
      await add("a", 1)(ctx);
      await ctx.runMutation(anyApi.sub?.refresh as FunctionReference<"mutation">);
      await add("a", 2)(ctx);
    });
    expect(await app.rows("totals")).toMatchObject([{ value: { count: 1 }, dirtyAt: expect.any(Number) }]);
  });

  test("while the row is stale writes nothing more, until the mark is older than the grace", async () => {
    const app = await startWith(["a"]);
    const mark = async () => {
      await app.mutation(add("a", 1));
      return (await app.rows("totals"))[0];
    };
    const first = await mark();
    await app.advance(60_000);
    expect(await mark()).toEqual(first);
    await app.advance(1);
    expect(await mark()).toEqual({ ...first, nudgedAt: (first?.dirtyAt as number) + 60_001 });
  });

  test("marks a row that stays stale again after a minute, then after twice as long, at most an hour", async () => {
    const app = await startWith(["a"]);
    const marks = new Set<number>();
    for (let minute = 0; minute < 600; minute++) {
      await app.mutation(add("a", 1));
      const [{ dirtyAt, nudgedAt = dirtyAt } = {}] = await app.rows("totals");
      marks.add(nudgedAt as number);
      await app.advance(60_001);
    }
    const minutes = [...marks].map((mark) => Math.round((mark - Math.min(...marks)) / 60_001));
    expect(minutes).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423, 483, 543]);
  });

  test("a function of sources that throws, or returns no keys, fails the write with a clear error", async () => {
    for (const [toKeys, message] of [
      [
        () => {
          throw new Error("no list");
        },
        "no list",
      ],
      [() => ({ list: "a" }), "returned an object, not an array of keys"],
      [() => [{ lst: "a" }], 'view "totals": key.list: expected string, got undefined'],
    ] as const) {
      const view = defineView("totals", {
        table: totalsTable,
        sources: { items: toKeys as never },
        compute: total,
      });
      const app = startTestApp({ tables, views: { view } });
      const failing = app.mutation(add("a", 1));
      await expect(failing).rejects.toThrow(/view "totals": sources\.items failed for the document /);
      await expect(app.mutation(add("a", 1))).rejects.toThrow(message);
      expect(await app.rows("items")).toEqual([]);
      endTestApp();
    }
  });
});

test("a write beside a refresh in one mutation leaves the row stale, or is in its value", async () => {
  const app = startTotals({
    compute: async (ctx, args) => {
      const value = await total(ctx, args);
      for (let i = 0; i < 20; i++) await ctx.db.query("notes").collect();
      return value;
    },
  });
  const key = { list: "a" };
  await app.mutation((ctx) => app.totals.refresh(ctx, key));
  await app.mutation(async (ctx) => {
    await Promise.all([app.totals.refresh(ctx, key), add("a", 1)(ctx)]);
  });
  const { state, value } = (await app.collect((ctx) => app.totals.read(ctx, key))).result;
  expect(state === "stale" || value?.count === 1).toBe(true);
});

test.each([0, 5, 20, 50])("a write beside a sub-mutation that refreshes marks (%i ticks later)", async (ticks) => {
  const app = startWithRefresh();
  const key = { list: "a" };
  await app.mutation((ctx) => app.totals.refresh(ctx, key));
  await app.mutation(async (ctx) => {
    await add("a", 1)(ctx);
    const later = async () => {
      for (let i = 0; i < ticks; i++) await Promise.resolve();
      await add("a", 2)(ctx);
    };
    await Promise.all([ctx.runMutation(anyApi.sub?.refresh as FunctionReference<"mutation">), later()]);
  });
  const { state, value } = (await app.collect((ctx) => app.totals.read(ctx, key))).result;
  expect(state === "stale" || value?.count === 2).toBe(true);
});

test.each([0, 5, 20, 50])(
  "a refresh beside a sub-mutation that writes leaves the row stale, or the write is in its value (%i ticks later)",
  async (ticks) => {
    const key = { list: "a" };
    const app = startTotals(
      {
        compute: async (ctx, args) => {
          const value = await total(ctx, args);
          for (let i = 0; i < 20; i++) await ctx.db.query("notes").collect();
          return value;
        },
      },
      {
        build: (lazy) => ({
          sub: {
            add: lazy.mutation(mutationGeneric)({
              args: {},
              handler: async (ctx) => void (await add("a", 1)(ctx)),
            }),
          },
        }),
      },
    );
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    await app.mutation(async (ctx) => {
      const later = async () => {
        for (let i = 0; i < ticks; i++) await Promise.resolve();
        await ctx.runMutation(anyApi.sub?.add as FunctionReference<"mutation">);
      };
      await Promise.all([app.totals.refresh(ctx, key), later()]);
    });
    const { state, value } = (await app.collect((ctx) => app.totals.read(ctx, key))).result;
    expect(state === "stale" || value?.count === 1).toBe(true);
  },
);

test("a mutation that catches the error of sources does not commit: no invalidation is lost", async () => {
  const toKeys = ({ list, n }: { list: string; n: number }) => {
    if (n === 7) throw new Error("no list");
    return [{ list }];
  };
  const app = await startWith(["a"], startTotals({ sources: { items: toKeys } }));
  const swallowing = app.mutation(async (ctx) => {
    await add("b", 1)(ctx);
    await add("a", 7)(ctx).catch(() => {});
  });
  await expect(swallowing).rejects.toThrow(/view "totals": sources\.items failed for the document \S+: no list/);
  expect(await app.rows("items")).toEqual([]);
  expect(await app.dirty()).toEqual([]);
});

test("a ConvexError of sources reaches the client as it is", async () => {
  const view = defineView("totals", {
    table: totalsTable,
    sources: {
      items: (_: { list: string }) => {
        throw new ConvexError({ code: "NO_LIST" });
      },
    },
    compute: total,
  });
  const app = startTestApp({ tables, views: { view } });
  await expect(app.mutation(add("a", 1))).rejects.toMatchObject({ data: { code: "NO_LIST" } });
});

test("writes to other tables cost what they cost without the library", async () => {
  const app = await startWith([]);
  const read = await app.mutation(async (ctx) => {
    const id = await ctx.db.insert("notes", { text: "x" });
    const before = (await ctx.meta.getTransactionMetrics()).documentsRead.used;
    await ctx.db.patch("notes", id, { text: "y" });
    await ctx.db.replace("notes", id, { text: "z" });
    await ctx.db.delete("notes", id);
    return (await ctx.meta.getTransactionMetrics()).documentsRead.used - before;
  });
  expect(read).toBe(3);
});

describe("triggers of the app's own, on top of the builder", () => {
  type Ctx = GenericMutationCtx<GenericDataModel>;

  /** An app whose function `triggered:add` adds an item to the list "a" and a note, with triggers. */
  function startTriggered() {
    const triggers = new Triggers<GenericDataModel, Ctx>();
    const app = startTotals(
      {},
      {
        build: (lazy) => ({
          triggered: {
            add: customMutation(
              lazy.mutation(mutationGeneric),
              customCtx((ctx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) })),
            )({
              args: {},
              handler: async (ctx) => {
                await add("a", 1)(ctx);
                await ctx.db.insert("notes", { text: "x" });
              },
            }),
          },
        }),
      },
    );
    const addWithTriggers = () => app.t.mutation(anyApi.triggered?.add as FunctionReference<"mutation">);
    return { ...app, triggers, addWithTriggers };
  }

  test("can invalidate and refresh", async () => {
    const { triggers, addWithTriggers, ...app } = startTriggered();
    const { dirty } = await startWith(["b", "c"], app);
    const [b] = await app.rows("totals");
    triggers.register("notes", async (ctx) => {
      const writeCtx = ctx as unknown as MutationCtx;
      await app.totals.refresh(writeCtx, { list: "b" });
      await app.totals.invalidate(writeCtx, { list: "c" });
    });
    await addWithTriggers();
    expect(await dirty()).toEqual(["c"]);
    const [refreshed] = await app.rows("totals");
    expect(refreshed?.asOf).toBeGreaterThan(b?.asOf as bigint);
  });

  test("run beside the library's own work, in the same mutations", async () => {
    const { triggers, addWithTriggers, ...app } = startTriggered();
    const { dirty } = await startWith(["a"], app);
    const seen = vi.fn();
    triggers.register("items", async (_, change) => seen(change.operation));
    triggers.register("items", async (ctx, change) => {
      await ctx.db.insert("notes", { text: change.operation });
    });
    await addWithTriggers();
    expect(seen).toHaveBeenCalledExactlyOnceWith("insert");
    expect(await app.rows("notes")).toHaveLength(2);
    expect(await dirty()).toEqual(["a"]);
  });

  test.each(["db", "innerDb"] as const)("mark with what they write through %s", async (name) => {
    const { triggers, addWithTriggers, ...app } = startTriggered();
    const { dirty } = await startWith(["a", "b"], app);
    triggers.register("notes", async (ctx) => {
      await ctx[name].insert("items", { list: "b", n: 1 });
    });
    await addWithTriggers();
    expect(await dirty()).toEqual(["a", "b"]);
  });
});

test("a view can be the source of another: its commits mark the keys above", async () => {
  const doubled = defineView("doubled", {
    table: totalsTable,
    sources: { totals: (row: { args: { list: string } }) => [row.args] },
    compute: async (ctx, { list }) => {
      const { value } = await totals.peek(ctx, { list });
      return { count: value?.count ?? 0, sum: 2 * (value?.sum ?? 0) };
    },
  });
  const totals = totalsView();
  const app = startTestApp({
    tables: { ...tables, doubled: totalsTable },
    views: { totals, doubled },
  });
  const key = { list: "a" };
  await app.mutation(async (ctx) => {
    await totals.refresh(ctx, key);
    await doubled.refresh(ctx, key);
  });
  await app.mutation(add("a", 4));
  await app.readAndSettle((ctx) => totals.get(ctx, key));
  expect(await app.readAndSettle((ctx) => doubled.read(ctx, key))).toMatchObject({
    state: "stale",
  });
  const { result } = await app.collect((ctx) => doubled.read(ctx, key));
  expect(result).toMatchObject({ state: "fresh", value: { sum: 8 } });
});
