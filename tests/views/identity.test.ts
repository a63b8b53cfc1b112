import {
  anyApi,
  type FunctionReference,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericQueryCtx,
  internalQueryGeneric,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { type AnyView, anyOf, changed, defineView, invalidated, type View, viewTable, when } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx, type QueryCtx, startTestApp } from "../testApp.js";

afterEach(endTestApp);

const table = viewTable({ key: { page: v.string() }, value: { greeting: v.string() } });
const key = { page: "home" };
const refusal = "ctx.auth cannot be used here, since all readers share a row";

type AuthCtx = { auth: GenericActionCtx<GenericDataModel>["auth"] };
type Greetings = View<{ page: string }, { greeting: string }, unknown>;

async function userOf(ctx: unknown): Promise<string> {
  const user = await (ctx as AuthCtx).auth.getUserIdentity();
  return String(user?.name);
}
const greet = async (ctx: unknown) => ({ greeting: `Hello ${await userOf(ctx)}` });

/** An app with a view with a test's options, and functions that Alice calls. */
function start(options: object) {
  const greetings = defineView("greetings", { table, sources: {}, ...options } as never) as unknown as Greetings;
  const app = startTestApp({
    tables: { greetings: table },
    views: { greetings: greetings as AnyView },
    build: (lazy) => ({
      greetings: {
        refresh: lazy.mutation(mutationGeneric)({
          args: {},
          handler: async (ctx) => [await userOf(ctx), await greetings.refresh(ctx as unknown as MutationCtx, key)],
        }),
        read: lazy.query(queryGeneric)({
          args: {},
          handler: async (ctx) => [await userOf(ctx), await greetings.read(ctx as unknown as QueryCtx, key)],
        }),
        user: internalQueryGeneric({ args: {}, handler: userOf }),
        peek: queryGeneric({
          args: {},
          handler: async (ctx) => [await userOf(ctx), await greetings.peek(ctx, key)],
        }),
      },
    }),
  });
  const alice = app.t.withIdentity({ name: "Alice" });
  type Call = (reference: FunctionReference<"query" | "mutation">) => Promise<[string, unknown]>;
  return {
    ...app,
    greetings,
    refresh: () => (alice.mutation as Call)(anyApi.greetings?.refresh as FunctionReference<"mutation">),
    read: () => (alice.query as Call)(anyApi.greetings?.read as FunctionReference<"query">),
    peek: () => (alice.query as Call)(anyApi.greetings?.peek as FunctionReference<"query">),
    failures: async () => (await app.inspect()).views.greetings?.failures.map(({ message }) => message),
  };
}

describe("a compute that asks who reads", () => {
  test("is refused in the mutation that refreshes, where the function itself may ask", async () => {
    const app = start({ compute: greet });
    await expect(app.refresh()).rejects.toThrow(`${refusal}; put the user into the key.`);
    expect(await app.rows("greetings")).toEqual([]);
    const plain = start({ compute: () => ({ greeting: "Hello" }) });
    expect(await plain.refresh()).toEqual(["Alice", { greeting: "Hello" }]);
  });

  test("is refused in the query that computes what is missing", async () => {
    const app = start({ compute: greet, onMissing: "compute" });
    await expect(app.read()).rejects.toThrow(refusal);
  });

  test.each(["transaction", "snapshot", "action"])("fails its recompute in the mode %s", async (mode) => {
    const app = start({ compute: greet, mode, onMissing: "null" });
    await app.readAndSettle((ctx) => app.greetings.get(ctx, key));
    expect(await app.failures()).toEqual([expect.stringContaining(refusal)]);
  });

  test("fails its recompute in the mode paged", async () => {
    const page = async (ctx: unknown) => ({ page: [await userOf(ctx)], isDone: true, continueCursor: "" });
    const paged = { page, initial: () => "", reduce: String, finish: (greeting: string) => ({ greeting }) };
    const app = start({ ...paged, mode: "paged", onMissing: "null" });
    await app.readAndSettle((ctx) => app.greetings.get(ctx, key));
    expect(await app.failures()).toEqual([expect.stringContaining(refusal)]);
  });

  test("is not noticed where a query that it calls asks", async () => {
    const compute = async (ctx: GenericQueryCtx<GenericDataModel>) => {
      return { greeting: `Hello ${await ctx.runQuery(anyApi.greetings?.user as FunctionReference<"query">)}` };
    };
    expect(await start({ compute, onMissing: "compute" }).read()).toMatchObject([
      "Alice",
      { value: { greeting: "Hello Alice" } },
    ]);
  });

  test("through another view is refused too", async () => {
    const inner = defineView("inner", { table, sources: {}, compute: greet, onMissing: "compute" } as never) as never;
    const outer = defineView("outer", {
      table,
      sources: {},
      compute: async (ctx: QueryCtx) => (inner as Greetings).get(ctx, key),
      onMissing: "compute",
    } as never) as never as Greetings;
    const app = startTestApp({ tables: { inner: table, outer: table }, views: { inner, outer: outer as AnyView } });
    await expect(app.query((ctx) => outer.get(ctx, key))).rejects.toThrow(refusal);
    await expect(app.mutation((ctx) => outer.refresh(ctx as MutationCtx, key))).rejects.toThrow(refusal);
  });
});

describe("a predicate that asks who reads", () => {
  const asks = {
    "changed()": changed(userOf),
    "when()": when(async (_, ctx) => (await userOf(ctx)) !== "undefined"),
  };

  test.each(Object.entries(asks))("%s has no row committed", async (_, staleWhen) => {
    const app = start({ compute: () => ({ greeting: "Hello" }), staleWhen, onMissing: "null" });
    await expect(app.refresh()).rejects.toThrow(refusal);
    await app.readAndSettle((ctx) => app.greetings.get(ctx, key));
    expect(await app.failures()).toEqual([expect.stringContaining(refusal)]);
  });

  test.each(Object.entries(asks))(
    "%s counts as stale in read and peek, and the console says why",
    async (_, asking) => {
      const compute = () => ({ greeting: "Hello" });
      const before = start({ compute, onMissing: "null" });
      await before.refresh();
      const [row] = await before.rows("greetings");
      const app = start({ compute, staleWhen: anyOf(invalidated(), asking), onMissing: "null" });
      await app.t.run(async (ctx) => {
        const { _id, _creationTime, ...stored } = row as Record<string, unknown>;
        await ctx.db.insert("greetings", stored);
      });
      vi.spyOn(console, "debug").mockReturnValue();
      const complaints = vi.spyOn(console, "error").mockReturnValue();
      for (const look of [app.read, app.peek]) {
        complaints.mockClear();
        expect(await look()).toEqual(["Alice", expect.objectContaining({ state: "stale" })]);
        expect(complaints).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(refusal));
      }
    },
  );
});

test("a compute may hand its ctx on, spread, without asking who reads", async () => {
  const app = start({
    compute: async (ctx: object) => ({ greeting: Object.keys({ ...ctx }).includes("db") ? "yes" : "no" }),
  });
  expect(await app.refresh()).toEqual(["Alice", { greeting: "yes" }]);
});
