import {
  actionGeneric,
  anyApi,
  type FunctionReference,
  type GenericDataModel,
  type GenericMutationCtx,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { customAction, customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import type { LazyViews, Transport } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { UNSTORABLE } from "../../src/effects/transports/envelope.js";
import { endTestApp, type MutationCtx, noteTargets, type QueryCtx, startTestApp } from "../testApp.js";
import { type TotalsOptions, tables, totalsView } from "../totals.js";
import { a, applyChange, insert } from "./listApp.js";

afterEach(endTestApp);

type Lazy = LazyViews<GenericDataModel>;
/** The builders that the functions of an app are made with. */
interface Builders {
  query: typeof queryGeneric;
  mutation: typeof mutationGeneric;
  action: typeof actionGeneric;
}
type Wrap = (lazy: Lazy) => Builders;

const once: Wrap = (lazy) =>
  ({
    query: lazy.query(queryGeneric),
    mutation: lazy.mutation(mutationGeneric),
    action: lazy.action(actionGeneric),
  }) as unknown as Builders;

const twice: Wrap = (lazy) => {
  const { query, mutation, action } = once(lazy);
  return {
    query: lazy.query(query as never),
    mutation: lazy.mutation(mutation as never),
    action: lazy.action(action as never),
  } as unknown as Builders;
};

/** With a custom function of convex-helpers between the two. */
const twiceAround: Wrap = (lazy) => {
  const { query, mutation, action } = once(lazy);
  const custom = customCtx(async () => ({ user: "me" }));
  return {
    query: lazy.query(customQuery(query, custom) as never),
    mutation: lazy.mutation(customMutation(mutation, custom) as never),
    action: lazy.action(customAction(action, custom) as never),
  } as unknown as Builders;
};

/** With triggers between the two. The triggers of convex-helpers deadlock when they are nested. */
const twiceAroundTriggers: Wrap = (lazy) => {
  const triggers = new Triggers<GenericDataModel, GenericMutationCtx<GenericDataModel>>();
  triggers.register("items", async (ctx) => void (await ctx.db.query("notes").first()));
  const { query, mutation, action } = once(lazy);
  const custom = customCtx((ctx: GenericMutationCtx<GenericDataModel>) => triggers.wrapDB(ctx));
  return {
    query: lazy.query(query as never),
    mutation: lazy.mutation(customMutation(mutation, custom) as never),
    action: lazy.action(action as never),
  } as unknown as Builders;
};

/** An app whose functions are made with the builders, with a fresh row of the list "a". */
async function start(wrap: Wrap, transports: Transport[], options: TotalsOptions = {}) {
  // Convex warns when a registered function is called directly.
  vi.spyOn(console, "warn").mockReturnValue();
  const totals = totalsView(options);
  const note = (ctx: object) =>
    (ctx as QueryCtx).scheduleEffect(anyApi.notes?.note as never, { text: "seen" } as never);
  const app = startTestApp({
    tables,
    views: { totals },
    transports,
    modules: { notes: noteTargets() },
    build: (lazy) => {
      const { query, mutation, action } = wrap(lazy);
      const read = query({
        args: { list: v.string() },
        returns: v.object({ state: v.string(), count: v.union(v.number(), v.null()) }),
        handler: async (ctx, key) => {
          note(ctx);
          const { state, value } = await totals.read(ctx as unknown as QueryCtx, key);
          return { state, count: value?.count ?? null };
        },
      });
      const add = mutation({
        args: { n: v.number() },
        handler: async (ctx, { n }) => {
          await insert(ctx.db as never, n);
          const { documentsWritten } = await ctx.meta.getTransactionMetrics();
          return documentsWritten.used;
        },
      });
      type Call = (ctx: object, args: object) => Promise<unknown>;
      return {
        app: {
          read,
          // Without validators, defined by a handler alone.
          readAny: query((async (ctx: object, key: { list: string }) => {
            note(ctx);
            return await totals.read(ctx as QueryCtx, key);
          }) as never),
          add,
          act: action({
            args: {},
            handler: async (ctx) => {
              note(ctx);
              return await ctx.runQuery(anyApi.app?.read as FunctionReference<"query">, a);
            },
          }),
          // Each calls another registered function directly.
          addInside: mutation({
            args: { n: v.number() },
            handler: async (ctx, args) => await (add as unknown as Call)(ctx, args),
          }),
          readInside: query({
            args: {},
            handler: async (ctx) => await (read as unknown as Call)(ctx, a),
          }),
          readInMutation: mutation({
            args: {},
            handler: async (ctx) => await (read as unknown as Call)(ctx, a),
          }),
        },
      };
    },
  });
  await app.mutation((ctx) => totals.refresh(ctx as MutationCtx, a));
  const call = (kind: "query" | "mutation" | "action", name: string, args: object = {}) =>
    (app.t[kind] as (ref: unknown, args: object) => Promise<unknown>)(anyApi.app?.[name], args);
  return { ...app, totals, call };
}

const WRAPS: [string, Wrap][] = [
  ["wrapped once", once],
  ["wrapped twice", twice],
  ["wrapped twice, around a custom function", twiceAround],
  ["wrapped twice, around triggers", twiceAroundTriggers],
];
const TRANSPORTS: Transport[][] = [["logStream"], ["client"], ["logStream", "client"]];
const cases = WRAPS.flatMap(([name, wrap]) =>
  TRANSPORTS.map((transports) => [name, transports.join(" and "), wrap, transports] as const),
);

describe.each(cases)("builders that are %s, with %s", (_, __, wrap, transports) => {
  const adding = wrap === twiceAroundTriggers ? ["add"] : ["add", "addInside"];
  test.each(adding)("a mutation marks once, or applies once: %s", async (name) => {
    const marking = await start(wrap, transports);
    expect(await marking.call("mutation", name, { n: 2 })).toBe(2);
    await marking.testing.expectState(marking.totals, a, "stale");
    expect(await marking.rows("items")).toHaveLength(1);
    endTestApp();
    const applying = await start(wrap, transports, { applyChange });
    expect(await applying.call("mutation", name, { n: 2 })).toBe(2);
    expect(await applying.testing.peek(applying.totals, a)).toMatchObject({
      state: "fresh",
      value: { count: 1, sum: 2 },
    });
  });

  test.each([
    ["read", a],
    ["readAny", a],
    ["readInside", {}],
  ])("a query says what it finds, and its effects leave once: %s", async (name, args) => {
    const app = await start(wrap, transports);
    await app.call("mutation", "add", { n: 2 });
    const read = () => app.testing.collect(() => app.call("query", name, args));
    const { result, effects, messages } = await read();
    expect(result).toMatchObject({ state: "stale" });
    expect(effects.map(({ target }) => target).sort()).toEqual(["lazy:recompute", "notes:note"]);
    await app.deliver(messages);
    await app.advance(10_000);
    expect((await read()).result).toMatchObject({ state: "fresh" });
    expect(await app.rows("notes")).toHaveLength(1);
  });

  test.runIf(transports.includes("client"))("a marked query gets one envelope", async () => {
    const app = await start(wrap, transports);
    await app.call("mutation", "add", { n: 2 });
    const { result } = await app.testing.collect(() => app.call("query", "read", { ...a, lazyViews: "client" }));
    expect(result).toEqual({
      value: { state: "stale", count: 0 },
      seals: [expect.any(String)],
      once: [expect.any(String)],
      forward: "lazy:forward",
      lazyViews: UNSTORABLE,
    });
  });

  test("a query that a mutation calls has its effects dispatched with it", async () => {
    const app = await start(wrap, transports);
    await app.call("mutation", "add", { n: 2 });
    expect(await app.call("mutation", "readInMutation")).toMatchObject({ state: "stale" });
    await app.advance(10_000);
    await app.testing.expectState(app.totals, a, "fresh");
    expect(await app.rows("notes")).toHaveLength(1);
  });

  test("an action dispatches its effects once, and those of the queries it runs", async () => {
    const app = await start(wrap, transports);
    await app.call("mutation", "add", { n: 2 });
    const { result, messages } = await app.testing.collect(() => app.call("action", "act"));
    expect(result).toEqual({ state: "stale", count: 0 });
    await app.deliver(messages);
    await app.advance(10_000);
    await app.testing.expectState(app.totals, a, "fresh");
    expect(await app.rows("notes")).toHaveLength(1);
  });
});
