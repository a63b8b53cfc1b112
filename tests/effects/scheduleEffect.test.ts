import {
  anyApi,
  type FunctionReference,
  internalActionGeneric,
  internalQueryGeneric,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { type EffectCtx, effectsOf } from "convex-lazy-views";
import { collectEffects } from "convex-lazy-views/test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, noteTargets, startTestApp } from "../testApp.js";
import { tables } from "../totals.js";

afterEach(endTestApp);
const note = anyApi.targets?.note as never;
const boom = anyApi.targets?.boom as never;
type AnyEffectCtx = { scheduleEffect: (...args: unknown[]) => void };
const schedule = (ctx: EffectCtx, ...args: unknown[]) => (ctx as unknown as AnyEffectCtx).scheduleEffect(...args);

const start = () => startTestApp({ tables, modules: { targets: noteTargets() } });
const texts = async (app: ReturnType<typeof start>) => (await app.rows("notes")).map((row) => row.text);

describe("in a query", () => {
  test("returns nothing, and the effect runs after it was delivered", async () => {
    const app = start();
    const { result, effects, messages } = await app.collect((ctx) => {
      expect(schedule(ctx, note, { text: "seen" })).toBeUndefined();
      return "the answer";
    });
    expect(result).toBe("the answer");
    expect(effects).toEqual([{ target: "targets:note", args: { text: "seen" }, windowMs: 10_000 }]);
    expect(await texts(app)).toEqual([]);
    await app.deliver(messages);
    await app.advance(0);
    expect(await texts(app)).toEqual(["seen"]);
  });

  test("raised many times, an effect leaves once; others leave with it in one line", async () => {
    const app = start();
    const { effects, messages } = await app.collect((ctx) => {
      for (let i = 0; i < 5; i++) schedule(ctx, note, { text: "same" });
      schedule(ctx, note, { text: "other" });
      schedule(ctx, boom);
    });
    expect(effects.map(({ target, args }) => [target, args.text])).toEqual([
      ["targets:note", "same"],
      ["targets:note", "other"],
      ["targets:boom", undefined],
    ]);
    expect(messages).toHaveLength(1);
  });

  test("leaves also when the query throws, with the query's own error", async () => {
    const app = start();
    let failure: unknown;
    const { effects } = await collectEffects(async () => {
      await app
        .query((ctx) => {
          schedule(ctx, note, { text: "seen" });
          throw new Error("the query's own");
        })
        .catch((error) => {
          failure = error;
        });
    });
    expect(String(failure)).toContain("the query's own");
    expect(effects).toHaveLength(1);
  });

  test("adds no read and no write", async () => {
    const app = start();
    const { result } = await app.collect(async (ctx) => {
      schedule(ctx, note, { text: "seen" });
      return await ctx.meta.getTransactionMetrics();
    });
    expect(result.documentsRead.used + result.databaseQueries.used).toBe(0);
  });

  test.each([
    ["no function reference", ["nonsense", {}], 'target is the string "nonsense"; give a mutation or action'],
    ["undefined", [undefined, {}], "target is undefined; give"],
    ["arguments that are no object", [note, "x"], 'args is the string "x"; give an object'],
    ["a function in the arguments", [note, { text: () => 1 }], "args.text is a function"],
    ["a Date in the arguments", [note, { at: [new Date()] }], "args.at[0] is a Date"],
    ["a key that is no string", [note, {}, { key: 7 }], "key is the number 7"],
    ["a window that is no duration", [note, {}, { window: 5 }], "window is the number 5"],
    [
      "an unknown unit",
      [note, {}, { window: { fortnights: 1 } }],
      "window.fortnights is the number 1; give hours, minutes",
    ],
    ["a field name that Convex does not allow", [note, { größe: 1 }], "größe"],
    ["a string cut in the middle of a character", [note, { text: "😀"[0] }], "args.text is the string"],
    ["a window of years", [note, {}, { window: { hours: 1e305 } }], "give 0 s to 8760 hours"],
    ["an unknown option", [note, {}, { delay: 5 }], "delay is the number 5; the options are key, window"],
    ["a Map in the arguments", [note, { of: new Map() }], "args.of is a Map; give a Convex value"],
    ["a negative window", [note, {}, { window: { seconds: -1 } }], "window.seconds is the number -1"],
  ])("%s is said on the console; the query goes on, and other effects leave", async (_, args, message) => {
    const app = start();
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const { result, effects } = await app.collect((ctx) => {
      schedule(ctx, ...args);
      schedule(ctx, note, { text: "good" });
      return "the answer";
    });
    expect(result).toBe("the answer");
    expect(effects).toHaveLength(1);
    expect(complaint).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(message));
  });

  test("arguments that are too large are logged, with size, limit and remedy", async () => {
    const app = start();
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const { result, effects } = await app.collect((ctx) => {
      schedule(ctx, note, { text: "x".repeat(5_000) });
      schedule(ctx, note, { text: "good" });
      return "the answer";
    });
    expect(result).toBe("the answer");
    expect(effects).toMatchObject([{ args: { text: "good" } }]);
    expect(complaint.mock.calls[0]?.[0]).toMatch(
      /effect for targets:note was not sent: it takes 5\d\d\d bytes, at most 2954 fit .* Pass an id/,
    );
  });

  test.each([
    [undefined, "LAZY_VIEWS_SECRET is not set. Run: npx convex-lazy-views connect"],
    ["short", "LAZY_VIEWS_SECRET has 5 characters; it needs at least 32."],
  ])("without a good secret (%o) the query returns its value, and says so", async (secret, message) => {
    const app = start();
    vi.stubEnv("LAZY_VIEWS_SECRET", secret);
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const { result, messages } = await app.collect((ctx) => {
      schedule(ctx, note, { text: "seen" });
      return "the answer";
    });
    expect(result).toBe("the answer");
    expect(messages).toEqual([]);
    expect(complaint).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(message));
    expect((await app.inspect()).problems[0]).toContain(message);
  });

  test("thousands of effects fill at most half of the log lines, and it is logged that others are left", async () => {
    const app = start();
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const { messages } = await app.collect((ctx) => {
      for (let i = 0; i < 10_000; i++) schedule(ctx, note, { text: `number ${i}` });
    });
    expect(messages).toHaveLength(128);
    expect(complaint.mock.calls[0]?.[0]).toMatch(
      /only 128 of \d+ lines of effects were sent; later reads send the others/,
    );
  });
});

describe("in a mutation", () => {
  test("is dispatched in the same transaction", async () => {
    const app = start();
    await app.mutation((ctx) => schedule(ctx, note, { text: "seen" }));
    expect(await app.rows("lazyEffects")).toHaveLength(1);
    await app.advance(0);
    expect(await texts(app)).toEqual(["seen"]);
  });

  test("is rolled back with a mutation that throws", async () => {
    const app = start();
    const failing = app.mutation((ctx) => {
      schedule(ctx, note, { text: "seen" });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await app.rows("lazyEffects")).toEqual([]);
    expect(await app.jobs()).toEqual([]);
  });

  test("a mistake in the call throws", async () => {
    const app = start();
    const failing = app.mutation((ctx) => schedule(ctx, note, { text: () => 1 }));
    await expect(failing).rejects.toThrow("scheduleEffect(targets:note): args.text is a function");
  });
});

describe("in an action", () => {
  test("is dispatched when the action ends, also when it throws", async () => {
    const app = start();
    await app.action((ctx) => schedule(ctx, note, { text: "one" }));
    const failing = app.action((ctx) => {
      schedule(ctx, note, { text: "two" });
      throw new Error("the action's own");
    });
    await expect(failing).rejects.toThrow("the action's own");
    await app.advance(0);
    expect(await texts(app)).toEqual(["one", "two"]);
  });

  test("dispatches more effects than one transaction can schedule", async () => {
    const app = startTestApp({ tables, modules: { targets: noteTargets() }, limits: {} });
    await app.action((ctx) => {
      for (let i = 0; i < 1_100; i++) schedule(ctx, note, { text: `number ${i}` });
    });
    expect(await app.rows("lazyEffects")).toHaveLength(1_100);
  });

  test("an action keeps its result when the app forgot to export dispatch, and says so", async () => {
    const app = startTestApp({
      tables,
      modules: { targets: noteTargets() },
      forgotten: ["dispatch"],
    });
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const result = await app.action((ctx) => {
      schedule(ctx, note, { text: "one" });
      return "done";
    });
    expect(result).toBe("done");
    const remedy = "convex/lazy.ts must have export const { dispatch } = lazy.functions();";
    expect(complaint.mock.calls.flat()).toEqual([`convex-lazy-views: ${remedy}`, expect.stringContaining(remedy)]);
  });
});

describe("targets", () => {
  test("any mutation or action, public or internal", async () => {
    const ran: string[] = [];
    const app = startTestApp({
      tables,
      modules: {
        targets: {
          publicMutation: mutationGeneric({
            args: {},
            handler: async () => void ran.push("mutation"),
          }),
          internalAction: internalActionGeneric({
            args: { n: v.int64() },
            handler: async (_, { n }) => void ran.push(`action ${n}`),
          }),
        },
      },
    });
    const { messages } = await app.collect((ctx) => {
      schedule(ctx, anyApi.targets?.publicMutation);
      schedule(ctx, anyApi.targets?.internalAction, { n: 7n });
    });
    await app.deliver(messages);
    await app.advance(0);
    expect(ran.sort()).toEqual(["action 7", "mutation"]);
  });

  test("one that throws, or does not exist, stops no other", async () => {
    const app = start();
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { messages } = await app.collect((ctx) => {
      schedule(ctx, boom);
      schedule(ctx, anyApi.targets?.missing);
      schedule(ctx, note, { text: "good" });
    });
    await app.deliver(messages);
    await app.advance(0);
    expect(await texts(app)).toEqual(["good"]);
    expect((await app.jobs()).map((job) => `${job.name} ${job.state.kind}`).sort()).toEqual([
      "lazy:sweep pending",
      "targets:boom failed",
      "targets:missing failed",
      "targets:note success",
    ]);
  });
});

describe("builders", () => {
  test("the internal forms, functions without validators, and custom functions on top", async () => {
    const app = startTestApp({
      tables,
      modules: { targets: noteTargets() },
      build: (lazy) => {
        const query = lazy.query(queryGeneric);
        const withUser = {
          args: {},
          input: async (ctx: object) => ({ ctx: { user: "ann", ...effectsOf(ctx) }, args: {} }),
        };
        const userQuery = customQuery(query as never, withUser);
        const userMutation = customMutation(lazy.mutation(mutationGeneric) as never, withUser);
        const handler = (ctx: { user?: string }) => {
          schedule(ctx as never, note, { text: String(ctx.user) });
          return null;
        };
        return {
          made: {
            internal: lazy.query(internalQueryGeneric)({ args: {}, handler: handler as never }),
            bare: query(handler as never),
            custom: userQuery({ args: {}, handler }),
            customMutation: userMutation({ args: {}, handler }),
          },
        };
      },
    });
    const collect = async (name: string) =>
      (await collectEffects(() => app.t.query(anyApi.made?.[name] as FunctionReference<"query">))).effects;
    expect(await collect("internal")).toMatchObject([{ args: { text: "undefined" } }]);
    expect(await collect("bare")).toMatchObject([{ args: { text: "undefined" } }]);
    expect(await collect("custom")).toMatchObject([{ args: { text: "ann" } }]);
    await app.t.mutation(anyApi.made?.customMutation as FunctionReference<"mutation">);
    await app.advance(0);
    expect(await texts(app)).toEqual(["ann"]);
  });
});

test("effectsOf refuses a plain ctx", () => {
  expect(() => effectsOf({})).toThrow("make the builder with lazy.query, lazy.mutation or lazy.action");
});
