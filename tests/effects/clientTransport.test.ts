import { createHmac } from "node:crypto";
import {
  actionGeneric,
  anyApi,
  httpActionGeneric,
  httpRouter,
  internalMutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { LazyViews, type Transport } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isEnvelope } from "../../src/client/envelope.js";
import { canonicalText } from "../../src/values/canonical.js";
import { effectsIn } from "../nodeSeals.js";
import { endTestApp, type MutationCtx, type QueryCtx } from "../testApp.js";
import { type TotalsOptions, total } from "../totals.js";
import { raise, raw, reads, start } from "./clientApp.js";

afterEach(endTestApp);

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
    const envelope = await app.marked("quiet");
    expect(envelope).toEqual({ ...envelope, value: "nothing to do", seals: [], once: [], forward: "lazy:forward" });
    expect(isEnvelope(envelope)).toBe(true);
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

describe("the mark of a caller", () => {
  /** The answer to a call with a mark that a client made up or saw, and the number of lines that the query logged. */
  async function ask(app: ReturnType<typeof start>, name: string, mark: unknown, args: object = { a: "x" }) {
    const { result, messages } = await app.testing.collect(() => app.call(name, { ...args, lazyViews: mark }));
    return { result, lines: messages.length };
  }

  const proofFor = (args: object, secret = process.env.LAZY_VIEWS_SECRET ?? "") =>
    createHmac("sha256", secret)
      .update(`lazy-views:2:caller:${canonicalText(args)}`)
      .digest("hex");

  test.each([
    ["the word that once was it", "caller"],
    ["nothing", ""],
    ["64 digits", "0".repeat(64)],
    ["the proof for other arguments", proofFor({ a: "y" }, "0123456789abcdef0123456789abcdef")],
    ["a proof by another secret", proofFor({ a: "x" }, "another secret of thirty-two characters")],
    ["a long text", "x".repeat(100_000)],
  ])("that is %s counts for nothing, and the query does not see it", async (_, mark) => {
    const app = start(["logStream", "client"]);
    for (const name of ["fields", "any", "none"]) {
      expect(await ask(app, name, mark)).toEqual({ result: { a: "x" }, lines: 1 });
    }
  });

  test("that the server made is good for these arguments, also while the secret rotates", async () => {
    const app = start(["logStream", "client"]);
    const mark = proofFor({ a: "x" });
    expect(await ask(app, "fields", mark)).toMatchObject({ result: { value: { a: "x" } }, lines: 0 });
    expect(await ask(app, "fields", mark, { a: "y" })).toEqual({ result: { a: "y" }, lines: 1 });
    vi.stubEnv("LAZY_VIEWS_SECRET_PREVIOUS", process.env.LAZY_VIEWS_SECRET ?? "");
    vi.stubEnv("LAZY_VIEWS_SECRET", "another secret of thirty-two characters");
    expect(await ask(app, "fields", mark)).toMatchObject({ result: { value: { a: "x" } }, lines: 0 });
    vi.stubEnv("LAZY_VIEWS_SECRET_PREVIOUS", "");
    expect(await ask(app, "fields", mark)).toEqual({ result: { a: "x" }, lines: 1 });
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
      `new LazyViews({ transports }) ${message}; give some of "logStream", "logTail" and "client".`,
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
    /** A row that is out of date inside its window, and the seals that one of its clients forwards. */
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

  describe("of a row whose window is over", () => {
    async function startStale(options: TotalsOptions) {
      const app = start(["client"], {}, options);
      const read = () => app.marked("totals", { list: "a" });
      await app.forward((await read()).seals);
      await app.advance(60_000);
      await app.mutation(async (ctx) => void (await ctx.db.insert("items", { list: "a", n: 2 })));
      return { ...app, read };
    }

    test("silences the others while a run computes it", async () => {
      const app = await startStale({ mode: "snapshot" });
      const first = await app.read();
      expect(await app.forward(first.seals)).toMatchObject({ dispatched: 1 });
      expect(await app.read()).toMatchObject({ value: { count: 0 }, seals: [] });
      expect(await app.forward(first.seals)).toMatchObject({ duplicates: 1 });
      await app.advance();
      expect(await app.read()).toMatchObject({ value: { count: 1 }, seals: [] });
      expect((await app.rows("totals"))[0]).not.toHaveProperty("pendingUntil");
    });

    test("lets them ask again when the run fails", async () => {
      let isBroken = false;
      const app = await startStale({
        mode: "snapshot",
        compute: async (ctx, key) => {
          if (isBroken) throw new Error("broken");
          return await total(ctx, key);
        },
      });
      isBroken = true;
      await app.forward((await app.read()).seals);
      expect((await app.read()).seals).toEqual([]);
      await app.advance();
      expect((await app.read()).seals).toHaveLength(1);
    });

    test("does not write the row when one transaction computes it", async () => {
      const app = await startStale({ mode: "transaction" });
      const [before] = await app.rows("totals");
      await app.forward((await app.read()).seals);
      expect(await app.rows("totals")).toEqual([before]);
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
      "forward got 10000 seals; it takes at most 16 in one call.",
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
  /** Runs a caller, and delivers its lines as the log stream does. */
  async function settleCaller<R>(app: ReturnType<typeof start>, run: () => Promise<R>): Promise<R> {
    const { result, messages } = await app.testing.collect(run);
    await app.testing.deliver(messages);
    await app.advance(1_000);
    return result;
  }

  test.each(["fields", "object", "any", "none", "returning"])(
    "an action's runQuery gives the plain value, and its effects are dispatched: %s",
    async (name) => {
      const app = start(transports);
      const value = await settleCaller(app, () => app.action((ctx) => ctx.runQuery(reads[name], { a: "x" })));
      expect(value).toEqual({ a: "x" });
      expect(await app.noted()).toEqual(["read"]);
    },
  );

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
    const runs = (ctx: { runQuery: (ref: unknown) => Promise<unknown> }) =>
      Promise.all([ctx.runQuery(raw.strict), ctx.runQuery(raw.strict)]);
    for (const result of [await app.action(runs), await app.mutation((ctx) => runs(ctx as never))]) {
      expect(result).toEqual(["raw", "raw"]);
    }
    await expect(app.action((ctx) => ctx.runQuery(raw.failing))).rejects.toThrow("raw failure");
    const failing = app.testing.collect(() => app.action((ctx) => ctx.runQuery(reads.failing)));
    await expect(failing).rejects.toThrow("no answer");
  });
});

describe("a server-side caller takes for a value", () => {
  const stored = { value: { role: "admin" }, seals: [], once: [], forward: "lazy:forward" };
  const reading = (reference: unknown, args: object) => (ctx: { runQuery: (ref: never, args: never) => unknown }) =>
    ctx.runQuery(reference as never, args as never);

  test("a stored document of an envelope's form, and a stored envelope", async () => {
    const app = start();
    const envelope = await app.marked("fields", { a: "x" });
    for (const body of [stored, envelope, { ...stored, lazyViews: "0".repeat(64) }]) {
      await app.t.run(async (ctx) => void (await ctx.db.insert("bodies", { body })));
      expect(await app.action(reading(raw.stored, {}) as never)).toEqual(body);
      expect(await app.mutation(reading(raw.stored, {}) as never)).toEqual(body);
      expect(await app.query(reading(raw.stored, {}) as never)).toEqual(body);
    }
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("its own arguments, with and without a mark of their own", async () => {
    const app = start();
    const echoed = (await app.action(reading(raw.echo, { ...stored, lazyViews: 1 }) as never)) as object;
    expect(echoed).toEqual({ ...stored, lazyViews: 1 });
    expect(await app.action(reading(raw.echo, stored) as never)).toMatchObject(stored);
  });
});

describe("a query whose error says what users typed", () => {
  test.each([
    'There is no list "lazyViews".',
    "ArgumentValidationError: Object contains extra field `lazyViews` that is not in the validator.",
    "Validator error: Unexpected field `lazyViews` in object",
  ])("%s is a lazy query still", async (message) => {
    const app = start(["client"], {
      build: (lazy) => ({
        reads: {
          search: (lazy.query(queryGeneric as never) as unknown as typeof queryGeneric)({
            args: { text: v.string() },
            handler: async (ctx: unknown, { text }) => {
              raise(ctx as QueryCtx, text);
              if (text === message) throw new Error(message);
              return text;
            },
          }),
        },
      }),
    });
    const search = (text: string) => app.action((ctx) => ctx.runQuery(reads.search, { text }));
    await search("one");
    await expect(search(message)).rejects.toThrow(message);
    await search("two");
    await app.advance(1_000);
    expect(await app.noted()).toEqual(["one", "two"]);
  });
});

test("arguments that the app changes after the call are sent as they were in the call", async () => {
  const app = start();
  const value = await app.action(async (ctx) => {
    const args = { a: "x" };
    const reading = ctx.runQuery(reads.fields, args);
    args.a = "y";
    return await reading;
  });
  expect(value).toEqual({ a: "x" });
});

test("without a secret a caller marks nothing", async () => {
  const app = start();
  vi.stubEnv("LAZY_VIEWS_SECRET", "");
  expect(await app.action((ctx) => ctx.runQuery(raw.echo, { a: "x" }))).toEqual({ a: "x" });
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
