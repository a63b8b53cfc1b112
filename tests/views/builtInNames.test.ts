import { defineTable } from "convex/server";
import { v } from "convex/values";
import { type AnyView, defineView, type View, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { endTestApp, type QueryCtx, startTestApp } from "../testApp.js";

afterEach(endTestApp);

/** Names of members that every plain object in JavaScript has. */
const NAMES = ["constructor", "toString", "hasOwnProperty", "valueOf"];

/** An app in which a source or a view, a field of key and value, and a tag have the name. */
function start(name: string, { source = "items", isZod = false } = {}) {
  const table = isZod
    ? viewTable({ key: z.object({ [name]: z.string() }), value: z.object({ [name]: z.number() }) })
    : viewTable({ key: { [name]: v.string() }, value: { [name]: v.number() } });
  const viewName = source === name ? "counts" : name;
  type Row = Record<string, string>;
  const view = defineView(viewName, {
    table,
    sources: { [source]: (doc: Row) => [{ [name]: doc[name] }] },
    tags: () => [name],
    onMissing: "null",
    compute: async (ctx: QueryCtx, key: Row) => {
      const items = await ctx.db.query(source).collect();
      return { [name]: items.filter((item) => item[name] === key[name]).length };
    },
  } as never) as never as View<Row, Record<string, number>, unknown>;
  const app = startTestApp({
    tables: { [source]: defineTable({ [name]: v.string() }), [viewName]: table },
    views: { [viewName]: view as AnyView },
  });
  return { ...app, view, key: { [name]: "a" }, source };
}

describe.each(NAMES)("the name %s", (name) => {
  test.each([
    ["a view", {}],
    ["a view of a zod schema", { isZod: true }],
    ["a source", { source: name }],
  ])("serves for %s, a field and a tag", async (_, options) => {
    const { view, key, source, ...app } = start(name, options);
    const settle = () => app.readAndSettle((ctx) => view.get(ctx, key));
    await settle();
    expect(await app.testing.peek(view, key)).toMatchObject({ state: "fresh", value: { [name]: 0 } });
    await app.mutation((ctx) => ctx.db.insert(source, { [name]: "a" } as never));
    await app.testing.expectState(view, key, "stale");
    await settle();
    expect(await app.testing.peek(view, key)).toMatchObject({ state: "fresh", value: { [name]: 1 } });
    await app.mutation((ctx) => app.lazy.invalidateTag(ctx as never, name));
    await app.testing.expectState(view, key, "stale");
    expect((await app.inspect()).views[view.name]).toMatchObject({ rows: 1, stale: 1, failures: [] });
  });

  test("serves as a table that is no source", async () => {
    const table = viewTable({ key: { list: v.string() }, value: v.number() });
    const view = defineView("ones", { table, sources: { items: () => [] }, compute: () => 1 } as never);
    const app = startTestApp({
      tables: { ones: table, items: defineTable({}), [name]: defineTable({ n: v.number() }) },
      views: { ones: view as AnyView },
    });
    await app.mutation(async (ctx) => {
      const id = await ctx.db.insert(name, { n: 1 } as never);
      await ctx.db.patch(id, { n: 2 } as never);
      await (ctx.db as unknown as { replace: (...args: unknown[]) => Promise<void> }).replace(name, id, { n: 3 });
    });
    expect(await app.rows(name)).toEqual([expect.objectContaining({ n: 3 })]);
    expect(() => app.lazy.warmEach(view as AnyView, name)).toThrow(
      `warmEach: "${name}" is no source of the view "ones" (items).`,
    );
  });

  test("is named when a key does not have it", async () => {
    const { view, ...app } = start(name);
    await expect(app.query((ctx) => view.get(ctx, {}))).rejects.toThrow(
      `view "${name}": key.${name}: expected string, got undefined.`,
    );
  });

  test("of a view that is gone: its failure is reported with the ledger's", async () => {
    const app = startTestApp();
    await app.dispatch([{ target: "lazy:recompute", args: { view: name, args: {} }, windowMs: 10_000, seen: 0n }]);
    await app.advance(0);
    expect((await app.inspect()).ledger.failures).toEqual([
      expect.objectContaining({ message: `view "${name}" is not in new LazyViews({ views }).` }),
    ]);
  });
});
