import { anyApi, type FunctionReference } from "convex/server";
import { v } from "convex/values";
import { defineView, invalidated, olderThan, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { items, listTable } from "./lists.js";
import type { Reader } from "./randomReads.js";

afterEach(endTestApp);

describe("what cannot be tracked", () => {
  const something = anyApi.run?.query as FunctionReference<"query">;
  const computes: [what: string, compute: (ctx: Reader) => unknown][] = [
    ["ctx.runQuery", (ctx) => ctx.runQuery(something, {})],
    ["ctx.storage", (ctx) => ctx.storage.getUrl("id" as never)],
    ["ctx.db.system", (ctx) => ctx.db.system.query("_scheduled_functions").collect()],
    ["lazyEffects", (ctx) => ctx.db.query("lazyEffects").first()],
    ["lazyTags", (ctx) => ctx.db.query("lazyTags").collect()],
    ["lazyTail", (ctx) => ctx.db.query("lazyTail").first()],
    ["lazyDependencies", (ctx) => ctx.db.query("lazyDependencies").collect()],
  ];
  const table = viewTable({ key: {}, value: v.number() });
  const start = (compute: (ctx: Reader) => unknown, options: object = {}) => {
    const view = defineView("view", { table, onMissing: "null", compute: compute as () => number, ...options });
    return { ...startTestApp({ tables: { view: table, items }, views: { view } }), view };
  };

  describe.each(computes)("%s", (what, use) => {
    test.each([
      ["", async (ctx: Reader) => Number((await use(ctx)) === undefined)],
      [
        ", and the compute catches the error",
        async (ctx: Reader) => {
          try {
            await use(ctx);
          } catch {
            return 0;
          }
          return 1;
        },
      ],
    ])("fails the first recompute, with the remedy%s", async (_, compute) => {
      const app = start(compute);
      for (const part of ['view "view"', what, "sources", "tags", "olderThan"]) {
        await expect(app.mutation((ctx) => app.view.refresh(ctx, {}))).rejects.toThrow(part);
      }
      await app.readAndSettle((ctx) => app.view.get(ctx, {}));
      const { problems, views } = await app.inspect();
      expect(views.view?.failures).toMatchObject([{ message: expect.stringContaining(what) }]);
      expect(problems.join("\n")).not.toBe("");
      expect([await app.rows("view"), await app.rows("lazyDependencies")]).toEqual([[], []]);
    });
  });

  test("is allowed where sources are declared, or nothing asks for changes", async () => {
    const compute = async (ctx: Reader) => (await ctx.db.system.query("_scheduled_functions").collect()).length;
    for (const options of [{ sources: {} }, { staleWhen: olderThan({ minutes: 1 }) }]) {
      const app = start(compute, options);
      expect(await app.mutation((ctx) => app.view.refresh(ctx, {}))).toBe(0);
      await app.testing.expectState(app.view, {}, "fresh");
      expect(await app.rows("lazyDependencies")).toEqual([]);
      endTestApp();
    }
  });
});

describe("a view of another mode", () => {
  const paged = {
    page: (ctx: Reader, _: unknown, options: never) => ctx.db.query("items").paginate(options),
    initial: () => 0,
    reduce: (sum: number) => sum + 1,
    finish: (sum: number) => sum,
  };
  const options: Record<string, object> = { snapshot: { compute: () => 1 }, action: { compute: () => 1 }, paged };

  test.each(Object.keys(options))("%s must declare its sources, if it is to be marked", (mode) => {
    const define = (more: object) => () =>
      defineView("view", { table: listTable, mode, ...options[mode], ...more } as never);
    expect(define({})).toThrow(/view "view": sources is undefined;.*\{\}/);
    expect(define({})).toThrow(mode);
    expect(define({ staleWhen: invalidated() })).toThrow("sources is undefined");
    expect(define({ sources: {} })).not.toThrow();
    expect(define({ sources: { items: () => [] } })).not.toThrow();
    expect(define({ staleWhen: olderThan({ minutes: 1 }) })).not.toThrow();
  });
});
