import {
  actionGeneric,
  anyApi,
  type FunctionReference,
  type GenericDataModel,
  httpActionGeneric,
  httpRouter,
  internalMutationGeneric,
  queryGeneric,
} from "convex/server";
import { type GenericValidator, type PropertyValidators, v } from "convex/values";
import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
import { effectsOf, LazyViews, type Transport } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Envelope } from "../../src/effects/transports/envelope.js";
import { effectsIn } from "../nodeSeals.js";
import { type AppOptions, endTestApp, type MutationCtx, noteTargets, type QueryCtx, startTestApp } from "../testApp.js";
import { type TotalsOptions, tables, total, totalsView } from "../totals.js";

afterEach(endTestApp);

const notes = anyApi.notes as Record<string, FunctionReference<"mutation">>;
const reads = anyApi.reads as Record<string, FunctionReference<"query">>;
const forwardReference = anyApi.lazy?.forward as FunctionReference<"mutation">;

/** An app with the transport `client`: queries that raise `notes:note`, and ways to call them. */
function start(
  transports: Transport[] = ["client"],
  more: Pick<AppOptions, "build"> = {},
  options: TotalsOptions = {},
) {
  const totals = totalsView(options);
  const app = startTestApp({
    tables,
    views: { totals },
    transports,
    modules: { notes: noteTargets(), raw: rawQueries },
    build: (lazy) => {
      const { reads: moreReads, ...others } = more.build?.(lazy) ?? {};
      return { reads: { ...readingQueries(lazy, totals), ...moreReads }, ...others };
    },
  });
  const query = app.t.query as (reference: unknown, args: object) => Promise<unknown>;
  const call = (name: string, args: object = {}) => query(reads[name], args);
  const noted = async () => (await app.rows("notes")).map(({ text }) => text);
  return {
    ...app,
    totals,
    call,
    /** What a client's wrapper gets. */
    marked: (name: string, args: object = {}) =>
      call(name, { ...args, lazyViews: "client" }) as unknown as Promise<Envelope>,
    forward: (seals: string[]) => app.t.mutation(forwardReference, { seals }),
    noted,
  };
}

const raise = (ctx: QueryCtx | MutationCtx, text: string) => ctx.scheduleEffect(notes.note as never, { text } as never);

function readingQueries(lazy: LazyViews<GenericDataModel>, totals: ReturnType<typeof totalsView>) {
  const query = lazy.query(queryGeneric as never) as unknown as typeof queryGeneric;
  const define = (args?: PropertyValidators | GenericValidator, returns?: GenericValidator) =>
    query({
      ...(args === undefined ? {} : { args }),
      ...(returns === undefined ? {} : { returns }),
      handler: async (ctx: unknown, given: unknown) => {
        raise(ctx as QueryCtx, "read");
        return given;
      },
    } as never);
  const a = { a: v.optional(v.string()) };
  return {
    fields: define(a),
    object: define(v.object(a)),
    any: define(v.any()),
    none: define(),
    returning: define(a, v.object(a)),
    wronglyReturning: define(a, v.string()),
    bare: query(async (ctx: unknown) => {
      raise(ctx as QueryCtx, "read");
      return null;
    }),
    totals: query({
      args: { list: v.string() },
      handler: async (ctx, key) => await totals.get(ctx as unknown as QueryCtx, key),
    }),
    quiet: query({ args: {}, handler: async () => "nothing to do" }),
    failing: query({
      args: {},
      handler: async (ctx: unknown) => {
        raise(ctx as QueryCtx, "read");
        throw new Error("no answer");
      },
    }),
    custom: customQuery(
      query as never,
      customCtx(async (ctx) => ({ ...effectsOf(ctx), user: "anne" })),
    )({
      args: a,
      handler: async (ctx: { user: string }, given: unknown) => {
        raise(ctx as never, ctx.user);
        return given;
      },
    } as never),
    /** Runs other queries, and raises nothing itself. */
    outer: query({
      args: { name: v.string() },
      handler: async (ctx, { name }) => await ctx.runQuery(reads[name] as never),
    }),
  };
}

const rawQueries = {
  strict: queryGeneric({ args: {}, handler: async () => "raw" }),
  loose: queryGeneric(async (_, args) => Object.keys(args)),
  failing: queryGeneric({
    args: {},
    handler: async () => {
      throw new Error("raw failure");
    },
  }),
  envelope: queryGeneric(async () => ({
    value: 1,
    seals: ["lazy-views:2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    once: [],
    forward: "lazy:forward",
  })),
};

describe("a marked call", () => {
  test.each(["fields", "object", "any", "none", "returning"])(
    "gets the value in an envelope with its seals: %s",
    async (name) => {
      const app = start();
      const envelope = await app.marked(name, { a: "x" });
      expect(envelope).toMatchObject({ value: { a: "x" }, forward: "lazy:forward" });
      expect(envelope.once.flatMap((seal) => effectsIn(seal))).toMatchObject([{ target: "notes:note" }]);
      expect(envelope.seals).toEqual([]);
    },
  );

  test("works for queries defined by a function alone, and for custom ones", async () => {
    const app = start();
    expect((await app.marked("bare")).once).toHaveLength(1);
    const custom = await app.marked("custom", { a: "x" });
    expect(custom.value).toEqual({ a: "x" });
    expect(custom.once.flatMap((seal) => effectsIn(seal))).toMatchObject([{ args: { text: "anne" } }]);
  });

  test("gets an envelope without seals when nothing was raised", async () => {
    const app = start();
    expect(await app.marked("quiet")).toEqual({
      value: "nothing to do",
      seals: [],
      once: [],
      forward: "lazy:forward",
    });
  });

  test("writes nothing to the console: its effects are in the envelope", async () => {
    const app = start();
    const { effects } = await app.testing.collect(() => app.marked("fields"));
    expect(effects).toEqual([]);
  });

  test("has its value checked by `returns` all the same", async () => {
    const app = start();
    await expect(app.marked("wronglyReturning", { a: "x" })).rejects.toThrow("Validator error");
  });

  test("gets its value also without a secret, and the console says why", async () => {
    const app = start();
    vi.stubEnv("LAZY_VIEWS_SECRET", "");
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    expect(await app.marked("fields", { a: "x" })).toMatchObject({ value: { a: "x" }, once: [] });
    expect(complaints.mock.calls[0]?.[0]).toContain("LAZY_VIEWS_SECRET is not set");
  });
});

describe("an unmarked call", () => {
  test("gets the plain value", async () => {
    const app = start();
    for (const name of ["fields", "object", "any", "none", "returning", "custom"]) {
      expect(await app.call(name, { a: "x" })).toEqual({ a: "x" });
    }
  });

  test("raises through the log stream, if the app has both transports", async () => {
    const app = start(["logStream", "client"]);
    const plain = await app.testing.collect(() => app.call("fields"));
    const marked = await app.testing.collect(() => app.marked("fields"));
    expect(plain.messages).toHaveLength(1);
    expect(marked.messages).toEqual(plain.messages);
  });
});

describe("without the transport", () => {
  test("a mark is refused as any other unknown argument", async () => {
    const app = start(["logStream"]);
    await expect(app.marked("fields")).rejects.toThrow("lazyViews");
  });

  test("a mark that the arguments' validator lets pass is not seen by the query, nor answered", async () => {
    const app = start(["logStream"]);
    for (const name of ["any", "none"]) {
      expect(await app.marked(name, { a: "x" })).toEqual({ a: "x" });
    }
    const own = { a: "x", lazyViews: "the app's own" };
    expect(await app.call("any", own)).toEqual(own);
  });

  test.each([
    [[], "is []"],
    [["websocket"], 'is ["websocket"]'],
    ["http", 'is "http"'],
  ])("transports %o are refused", (transports, message) => {
    expect(() => new LazyViews({ module: "lazy", views: {}, transports: transports as never })).toThrow(
      `new LazyViews({ transports }) ${message}; give ["logStream"], ["client"], or both.`,
    );
  });

  test("an argument of the mark's name is refused", () => {
    const lazy = new LazyViews({ module: "lazy", views: {}, transports: ["client"] });
    const query = lazy.query(queryGeneric as never) as unknown as typeof queryGeneric;
    expect(() => query({ args: { lazyViews: v.string() }, handler: async () => null })).toThrow(
      'the argument "lazyViews" belongs to the transport "client"',
    );
  });
});

describe("forward", () => {
  test("dispatches what the seals ask for: once, however often they come", async () => {
    const app = start();
    const { once } = await app.marked("fields");
    expect(await app.forward(once)).toMatchObject({ dispatched: 1, duplicates: 0 });
    expect(await app.forward([...once, ...once])).toMatchObject({ dispatched: 0, duplicates: 1 });
    await app.advance(60_000);
    expect(await app.noted()).toEqual(["read"]);
  });

  test("200 clients that forward the same stale row lead to one recompute", async () => {
    const app = start();
    await app.mutation(async (ctx) => {
      await app.totals.refresh(ctx, { list: "a" });
      await ctx.db.insert("items", { list: "a", n: 2 });
    });
    const { seals, value } = await app.marked("totals", { list: "a" });
    expect(value).toEqual({ count: 0, sum: 0 });
    for (let i = 0; i < 200; i++) await app.forward(seals);
    await app.advance(60_000);
    expect(await app.marked("totals", { list: "a" })).toMatchObject({
      value: { count: 1, sum: 2 },
      seals: [],
    });
    const recomputes = (await app.jobs()).filter(({ name }) => name === "lazy:recompute");
    expect(recomputes).toHaveLength(1);
  });

  describe("of a row whose window is open", () => {
    /** A row that is out of date inside its window, and what one of its clients forwards. */
    async function startBusy(options: TotalsOptions = {}) {
      const app = start(["client"], {}, options);
      const read = () => app.marked("totals", { list: "a" });
      const forward = async () => await app.forward((await read()).seals);
      await forward();
      await app.advance();
      await app.mutation(async (ctx) => void (await ctx.db.insert("items", { list: "a", n: 2 })));
      return { ...app, read, forward };
    }

    test("silences the others until its recompute, which the window's end brings", async () => {
      const app = await startBusy();
      expect(await app.forward()).toMatchObject({ trailing: 1 });
      expect(await app.read()).toMatchObject({ value: { count: 0 }, seals: [] });
      await app.advance(10_000);
      expect(await app.read()).toMatchObject({ value: { count: 1 }, seals: [] });
      expect((await app.rows("totals"))[0]).not.toHaveProperty("pendingUntil");
    });

    test("which a write marks later on keeps that mark, and waits for no other recompute", async () => {
      const app = await startBusy({ sources: {}, tags: ({ list }) => [`list:${list}`] });
      const touch = (ctx: MutationCtx) => app.lazy.invalidateTag(ctx as never, "list:a");
      await app.mutation(touch);
      expect(await app.forward()).toMatchObject({ trailing: 1 });
      await app.mutation((ctx) => app.totals.invalidate(ctx, { list: "a" }));
      expect((await app.rows("totals"))[0]).toMatchObject({
        pendingUntil: expect.any(Number),
        dirtyAt: expect.any(Number),
      });
      await app.advance(10_000);
      expect(await app.read()).toMatchObject({ value: { count: 1 }, seals: [] });
    });

    test("whose recompute fails lets them ask again", async () => {
      let isBroken = false;
      const app = await startBusy({
        compute: async (ctx, key) => {
          if (isBroken) throw new Error("broken");
          return await total(ctx, key);
        },
      });
      await app.forward();
      isBroken = true;
      await app.advance(10_000);
      expect((await app.read()).seals).toHaveLength(1);
    });
  });

  test("a seal that is forged, altered, cut in half or sealed with another secret starts nothing", async () => {
    const app = start();
    const [seal = ""] = (await app.marked("fields")).once;
    const altered = `${seal.slice(0, -4)}${seal.endsWith("A") ? "BBBB" : "AAAA"}`;
    for (const wrong of ["", "x", seal.slice(0, seal.length / 2), altered, `${seal} ${seal}`, ` ${seal}`]) {
      expect(await app.forward([wrong])).toMatchObject({ dispatched: 0, refused: 0 });
    }
    vi.stubEnv("LAZY_VIEWS_SECRET", "another secret of thirty-two characters");
    expect(await app.forward([seal])).toMatchObject({ dispatched: 0 });
    await app.advance(60_000);
    expect(await app.noted()).toEqual([]);
  });

  test("10,000 seals in one call are refused, with the limit", async () => {
    const app = start();
    const [seal = ""] = (await app.marked("fields")).once;
    await expect(app.forward(Array.from({ length: 10_000 }, () => seal))).rejects.toThrow(
      "forward was called with 10000 seals; it takes at most 16 in one call.",
    );
  });

  test("one effect that cannot be dispatched holds up no other", async () => {
    const app = start(["client"], {
      build: (lazy) => ({
        reads: {
          both: (lazy.query(queryGeneric as never) as unknown as typeof queryGeneric)({
            args: {},
            handler: async (ctx: unknown) => {
              raise(ctx as QueryCtx, "good");
              (ctx as QueryCtx).scheduleEffect(anyApi.gone?.missing as never, {} as never);
              return null;
            },
          }),
        },
      }),
    });
    const envelope = await app.marked("both");
    await app.forward(envelope.once);
    await app.advance(1_000);
    expect(await app.noted()).toEqual(["good"]);
  });
});

describe.each<[string, Transport[]]>([
  ["logStream", ["logStream"]],
  ["client", ["client"]],
  ["both", ["logStream", "client"]],
])("server-side callers, with the transport %s", (_, transports) => {
  /** Runs a caller and delivers what the log stream would. */
  async function settleCaller<R>(app: ReturnType<typeof start>, run: () => Promise<R>): Promise<R> {
    const { result, messages } = await app.testing.collect(run);
    await app.testing.deliver(messages);
    await app.advance(1_000);
    return result;
  }

  test("an action's runQuery gives the plain value, and its effects are dispatched", async () => {
    const app = start(transports);
    const value = await settleCaller(app, () => app.action((ctx) => ctx.runQuery(reads.fields, { a: "x" })));
    expect(value).toEqual({ a: "x" });
    expect(await app.noted()).toEqual(["read"]);
  });

  test("an HTTP action's runQuery does", async () => {
    const http = httpRouter();
    const app = start(transports, {
      build: (lazy) => {
        lazy.registerRoutes(http);
        const handler = lazy.httpAction(httpActionGeneric)(async (ctx) =>
          Response.json(await ctx.runQuery(reads.fields as never, { a: "x" } as never)),
        );
        http.route({ path: "/read", method: "GET", handler });
        return { http: { default: http } };
      },
    });
    const response = await settleCaller(app, () => app.t.fetch("/read"));
    expect(await response.json()).toEqual({ a: "x" });
    expect(await app.noted()).toEqual(["read"]);
  });

  test("a mutation's runQuery does", async () => {
    const app = start(transports);
    const value = await settleCaller(app, () =>
      app.mutation((ctx) => ctx.runQuery(reads.fields as never, { a: "x" } as never)),
    );
    expect(value).toEqual({ a: "x" });
    expect(await app.noted()).toEqual(["read"]);
  });

  test("a query's runQuery hands its effects on, however deep", async () => {
    const app = start(transports);
    const value = await settleCaller(app, () => app.action((ctx) => ctx.runQuery(reads.outer, { name: "none" })));
    expect(value).toEqual({});
    expect(await app.noted()).toEqual(["read"]);
  });

  test("scheduled functions and crons are mutations and actions like any other", async () => {
    const app = start(transports, {
      build: (lazy) => ({
        jobs: {
          nightly: lazy.action(actionGeneric as never)({
            args: {},
            handler: async (ctx: { runQuery: (ref: unknown) => Promise<unknown> }) => {
              await ctx.runQuery(reads.none);
            },
          } as never),
          hourly: lazy.mutation(internalMutationGeneric as never)({
            args: {},
            handler: async (ctx: { runQuery: (ref: unknown) => Promise<unknown> }) => {
              await ctx.runQuery(reads.custom);
            },
          } as never),
        },
      }),
    });
    await app.mutation(async (ctx) => {
      await ctx.scheduler.runAfter(1_000, anyApi.jobs?.nightly as never);
      await ctx.scheduler.runAfter(1_000, anyApi.jobs?.hourly as never);
    });
    await settleCaller(app, () => app.advance(2_000));
    expect((await app.noted()).sort()).toEqual(["anne", "read"]);
  });

  test("queries that were not made by the library are run as ever", async () => {
    const app = start(transports);
    const raw = anyApi.raw as Record<string, FunctionReference<"query">>;
    const runs = (ctx: { runQuery: (ref: unknown) => Promise<unknown> }) =>
      Promise.all([ctx.runQuery(raw.strict), ctx.runQuery(raw.strict), ctx.runQuery(raw.envelope)]);
    for (const result of [await app.action(runs), await app.mutation((ctx) => runs(ctx as never))]) {
      expect(result).toMatchObject(["raw", "raw", { value: 1, forward: "lazy:forward" }]);
    }
    await expect(app.action((ctx) => ctx.runQuery(raw.failing))).rejects.toThrow("raw failure");
    const failing = app.testing.collect(() => app.action((ctx) => ctx.runQuery(reads.failing)));
    await expect(failing).rejects.toThrow("no answer");
  });
});

test("a mutation that is rolled back takes the effects of the queries it ran with it", async () => {
  const app = start();
  const failing = app.mutation(async (ctx) => {
    await ctx.runQuery(reads.fields as never);
    throw new Error("rolled back");
  });
  await expect(failing).rejects.toThrow("rolled back");
  await app.advance(1_000);
  expect(await app.noted()).toEqual([]);
});

test("a client that never forwards: with the log stream on, everything still converges", async () => {
  const app = start(["logStream", "client"]);
  const read = () => app.marked("totals", { list: "a" });
  const { result, messages } = await app.testing.collect(read);
  expect(result.seals).toHaveLength(1);
  await app.testing.deliver(messages);
  await app.advance(1_000);
  expect(await read()).toMatchObject({ value: { count: 0, sum: 0 }, seals: [] });
});

test("both transports carry the same effect: one recompute", async () => {
  const app = start(["logStream", "client"]);
  const { result, messages } = await app.testing.collect(() => app.marked("totals", { list: "a" }));
  expect(await app.forward(result.seals)).toMatchObject({ dispatched: 1 });
  await app.testing.deliver(messages);
  expect(await app.forward(result.seals)).toMatchObject({ duplicates: 1 });
  await app.advance(60_000);
  expect((await app.jobs()).filter(({ name }) => name === "lazy:recompute")).toHaveLength(1);
});
