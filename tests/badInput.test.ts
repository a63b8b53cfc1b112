import { defineSchema } from "convex/server";
import { v } from "convex/values";
import {
  allOf,
  anyOf,
  changed,
  defineView,
  invalidated,
  LazyViews,
  lazyTables,
  not,
  viewTable,
  when,
} from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { endTestApp, startTestApp } from "./testApp.js";
import { startTotals, tables, total, totalsTable, totalsView } from "./totals.js";

afterEach(endTestApp);
const untyped = (value: unknown) => value as never;
const key = { list: "a" };

describe("a key that does not fit", () => {
  test.each<[unknown, string]>([
    [{ list: 7 }, 'view "totals": key.list: expected string, got the number 7.'],
    [{}, 'view "totals": key.list: expected string, got undefined.'],
    [new Map(), 'view "totals": key: expected object, got a Map.'],
    [{ list: new Date(0) }, 'view "totals": key.list: expected string, got a Date.'],
    [{ list: "a", more: 1 }, 'view "totals": key.more: expected no such field, got the number 1.'],
    ["a", 'view "totals": key: expected object, got the string "a".'],
    [null, 'view "totals": key: expected object, got null.'],
  ])("%o: every method names the field, what was expected and what it got", async (wrong, message) => {
    const app = startTotals();
    for (const method of ["get", "read", "peek"] as const) {
      await expect(app.query((ctx) => app.totals[method](ctx, untyped(wrong)))).rejects.toThrow(message);
    }
    await expect(app.query((ctx) => app.totals.getMany(ctx, [untyped(wrong)]))).rejects.toThrow(message);
    for (const method of ["invalidate", "refresh", "evict"] as const) {
      await expect(app.mutation((ctx) => app.totals[method](ctx, untyped(wrong)))).rejects.toThrow(message);
    }
  });

  test("of a zod object as well", async () => {
    const table = viewTable({
      key: z.object({ code: z.string().length(3) }),
      value: z.object({ n: z.number() }),
    });
    const view = defineView("codes", { table, compute: () => ({ n: 1 }) });
    const app = startTestApp({ tables: { codes: table }, views: { view } });
    await expect(app.query((ctx) => view.get(ctx, { code: "TOOLONG" }))).rejects.toThrow(
      /view "codes": key\.code: Too big: expected string .*, got the string "TOOLONG"\./,
    );
    expect(await app.mutation((ctx) => view.refresh(ctx, { code: "SFO" }))).toEqual({ n: 1 });
  });

  test("or whose zod schema changes it each time it is parsed", async () => {
    const code = z.string().transform((text) => `${text}!`);
    const table = viewTable({ key: z.object({ code }), value: z.object({ n: z.number() }) });
    const view = defineView("codes", { table, compute: () => ({ n: 1 }) });
    const app = startTestApp({ tables: { codes: table }, views: { view } });
    await expect(app.query((ctx) => view.get(ctx, { code: "SFO" }))).rejects.toThrow(
      'view "codes": key: its schema changes {"code":"SFO!"} again',
    );
    const upper = viewTable({
      key: z.object({ code: z.string().toUpperCase() }),
      value: z.object({ n: z.number() }),
    });
    const fine = defineView("codes", { table: upper, compute: () => ({ n: 1 }) });
    const other = startTestApp({ tables: { codes: upper }, views: { fine } });
    await other.mutation((ctx) => fine.refresh(ctx, { code: "sfo" }));
    expect(await other.query((ctx) => fine.get(ctx, { code: "SFO" }))).toEqual({ n: 1 });
  });

  test("or whose schema is asynchronous", async () => {
    const table = viewTable({
      key: z.object({ code: z.string() }).refine(async () => true),
      value: z.object({ n: z.number() }),
    });
    const view = defineView("codes", { table, compute: () => ({ n: 1 }) });
    const app = startTestApp({ tables: { codes: table }, views: { view } });
    await expect(app.query((ctx) => view.get(ctx, { code: "SFO" }))).rejects.toThrow();
  });
});

describe("a value that does not fit is refused", () => {
  test.each<[unknown, string]>([
    [{ count: 1 }, 'view "totals": value.sum: expected number, got undefined.'],
    [{ count: 1, sum: 2, mean: 2 }, 'view "totals": value.mean: expected no such field, got the number 2.'],
    [new Map([["count", 1]]), 'view "totals": value: expected object, got a Map.'],
    [{ count: 1, sum: 1n }, 'view "totals": value.sum: expected number, got the bigint 1.'],
    [undefined, 'view "totals": value: expected object, got null.'],
  ])("%o", async (wrong, message) => {
    const app = startTotals({ compute: () => untyped(wrong) });
    await expect(app.mutation((ctx) => app.totals.refresh(ctx, key))).rejects.toThrow(message);
    expect(await app.rows("totals")).toEqual([]);
  });

  test.each<[unknown, string]>([
    [{ at: new Date(0) }, "value.at is a Date; give a Convex value."],
    [{ by: [new Map()] }, "value.by[0] is a Map; give a Convex value."],
    [{ $id: 1 }, 'value.$id is the number 1; names must not start with "$".'],
  ])("also one that Convex cannot store: %o", async (value, message) => {
    const table = viewTable({ key: { list: v.string() }, value: v.any() });
    const view = defineView("anything", { table, onMissing: "compute", compute: () => value });
    const app = startTestApp({ tables: { anything: table }, views: { view } });
    await expect(app.mutation((ctx) => view.refresh(ctx, key))).rejects.toThrow(`view "anything": ${message}`);
    await expect(app.query((ctx) => view.get(ctx, key))).rejects.toThrow(`view "anything": ${message}`);
  });
});

describe("a ctx of the wrong kind", () => {
  test("plain, given to get: says which builder to use, and that peek needs none", async () => {
    const app = startTotals();
    await expect(app.t.query((ctx) => app.totals.get(untyped(ctx), key))).rejects.toThrow(
      "totals.get: ctx is a plain one; make the function with lazy.query or lazy.mutation.",
    );
    await expect(app.t.run((ctx) => app.totals.invalidate(untyped(ctx), key))).rejects.toThrow(
      "totals.invalidate: ctx is a plain one",
    );
  });

  test("an action's: says what it can call instead", async () => {
    const app = startTotals();
    const remedy = "ctx has no db; in an action, call ctx.runQuery with a function of lazy.query.";
    for (const method of ["get", "read", "peek", "progress", "invalidate", "refresh", "evict"] as const) {
      const call = app.action((ctx) => app.totals[method](untyped(ctx), key));
      await expect(call).rejects.toThrow(`totals.${method}: ${remedy}`);
    }
    await expect(app.t.action((ctx) => app.totals.get(untyped(ctx), key))).rejects.toThrow(`totals.get: ${remedy}`);
  });

  test("forgotten", async () => {
    const app = startTotals();
    for (const method of ["get", "peek", "invalidate"] as const) {
      await expect(app.totals[method](untyped(key), untyped(undefined))).rejects.toThrow(
        `totals.${method}: ctx has no db; in an action, call ctx.runQuery`,
      );
    }
    await expect(app.totals.get(untyped(undefined), key)).rejects.toThrow("totals.get: ctx has no db");
  });

  test("a query's or an action's, given to invalidateTag", async () => {
    const app = startTotals();
    const message = "lazy.invalidateTag writes; call it in a mutation.";
    await expect(app.query((ctx) => app.lazy.invalidateTag(untyped(ctx), "a"))).rejects.toThrow(message);
    await expect(app.t.query((ctx) => app.lazy.invalidateTag(untyped(ctx), "a"))).rejects.toThrow(message);
    await expect(app.action((ctx) => app.lazy.invalidateTag(untyped(ctx), "a"))).rejects.toThrow(message);
  });

  test("a query's, given to what writes", async () => {
    const app = startTotals();
    for (const method of ["invalidate", "refresh", "evict"] as const) {
      await expect(app.query((ctx) => app.totals[method](untyped(ctx), key))).rejects.toThrow(
        `totals.${method} writes; call it in a function of lazy.mutation.`,
      );
    }
  });
});

describe("wiring", () => {
  test("two views of one name", () => {
    expect(() => new LazyViews({ module: "lazy", views: untyped({ one: totalsView(), two: totalsView() }) })).toThrow(
      'two views have the name "totals"',
    );
  });

  test("views that are each other's sources, directly or through others", () => {
    const viewOn = (name: string, ...sources: string[]) =>
      defineView(name, {
        table: totalsTable,
        sources: Object.fromEntries(sources.map((source) => [source, () => []])) as never,
        compute: () => ({ count: 0, sum: 0 }),
      });
    const wire = (...views: ReturnType<typeof viewOn>[]) =>
      new LazyViews({
        module: "lazy",
        views: untyped(Object.fromEntries(views.map((view) => [view.name, view]))),
      });
    expect(() => wire(viewOn("a", "b"), viewOn("b", "c"), viewOn("c", "items", "a"))).toThrow(
      `new LazyViews({ views }): "a" ← "b" ← "c" ← "a": these views are each other's sources`,
    );
    expect(() => wire(viewOn("a", "a"))).toThrow('"a" ← "a": these views are each other\'s sources');
    expect(() => wire(viewOn("a", "b", "c"), viewOn("b", "c"), viewOn("c", "items"))).not.toThrow();
    // A circle of three views, also next to views outside of it.
    const three = [viewOn("c", "items", "d", "a"), viewOn("d"), viewOn("a", "d", "b"), viewOn("b", "notes", "c")];
    for (let i = 0; i < three.length; i++) {
      const given = [...three.slice(i), ...three.slice(0, i)];
      const path = /"[abc]" ← "[abc]" ← "[abc]" ← "[abc]": these views are each other's sources/;
      expect(() => wire(...given)).toThrow(path);
      expect(() => wire(viewOn("top", "a"), ...given)).toThrow(path);
    }
    expect(() => wire(...three.slice(1))).not.toThrow();
    expect(() => wire(viewOn("a", "b"), viewOn("b", "a"), viewOn("c"))).toThrow('"a" ← "b" ← "a"');
    expect(() => wire(viewOn("top", "a"), viewOn("a", "b"), viewOn("b", "a"))).toThrow('"a" ← "b" ← "a"');
  });

  test("something that is no view", () => {
    expect(() => new LazyViews({ module: "lazy", views: { table: untyped(totalsTable) } })).toThrow(
      '"table" is not a view; make it with defineView().',
    );
  });

  test.each([undefined, "", "./lazy", "lazy.ts", "convex/lazy", "convex lazy", 7])("module %o", (module) => {
    expect(() => new LazyViews({ module: untyped(module), views: {} })).toThrow(
      `new LazyViews({ module }) is ${JSON.stringify(module)}; for convex/lazy.ts, give "lazy".`,
    );
  });

  test("an unknown option", () => {
    expect(() => new LazyViews(untyped({ module: "lazy", views: {}, transport: ["client"] }))).toThrow(
      "new LazyViews: transport is an array; the options are module, views, transports, linger, audit.",
    );
  });

  test("a schema without lazyTables: a mutation, what the library calls, and inspect name the remedy", async () => {
    const { lazyEffects: _, ...others } = lazyTables;
    const app = startTotals({ onMissing: "null" }, { schema: defineSchema({ ...tables, ...others }) });
    const remedy = "Add ...lazyTables to defineSchema in convex/schema.ts.";
    await expect(app.mutation((ctx) => app.totals.get(ctx, key))).rejects.toThrow(remedy);
    const { messages } = await app.collect((ctx) => app.totals.get(ctx, key));
    await expect(app.deliver(messages)).rejects.toThrow(remedy);
    expect((await app.inspect()).problems[0]).toContain("must have defineSchema({ …, ...lazyTables })");
  });

  test("a view that is not given to LazyViews", async () => {
    const app = startTotals();
    const other = totalsView();
    await expect(app.query((ctx) => other.get(ctx, key))).rejects.toThrow(
      "totals.get: add this view to new LazyViews({ views }).",
    );
  });

  test("a view whose table is not in the schema", async () => {
    const { totals: _, ...others } = tables;
    const app = startTotals({}, { tables: others });
    await expect(app.query((ctx) => app.totals.get(ctx, key))).rejects.toThrow(
      'view "totals" could not be read: is its viewTable() in convex/schema.ts? (',
    );
  });

  test("a wrong module path fails a mutation that raises a recompute, with the remedy, and keeps nothing", async () => {
    const app = startTotals({}, { module: "lib/lazy" });
    await expect(app.mutation((ctx) => app.totals.get(ctx, key))).rejects.toThrow(
      /lib\/lazy:inspect could not be called: .*convex\/lib\/lazy\.ts must have export const/s,
    );
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("lazyTables are a part of a schema", () => {
    expect(() => defineSchema({ ...tables, ...lazyTables })).not.toThrow();
  });
});

describe("defineView and viewTable", () => {
  const good = { table: totalsTable, compute: total };
  test.each<[string, object, string]>([
    ["no table", { ...good, table: undefined }, "table is undefined; make it with viewTable()"],
    [
      "a table of Convex's own",
      { ...good, table: tables.items },
      "table is a TableDefinition; make it with viewTable()",
    ],
    ["version 0", { ...good, version: 0 }, "version is the number 0; give a whole number from 1"],
    [
      "its own version as compatible",
      { ...good, version: 2, compatible: [1, 2] },
      "compatible is an array; leave out the view's own version",
    ],
    [
      "an unknown onMissing",
      { ...good, onMissing: "throw" },
      'onMissing is the string "throw"; give "null", or "compute" in the mode transaction or snapshot',
    ],
    ["no compute", { ...good, compute: undefined }, "compute is undefined; give a function."],
    ["a source that is no function", { ...good, sources: { items: {} } }, "sources.items is an object"],
    [
      "an unknown option",
      { ...good, stalewhen: invalidated() },
      'view "totals": stalewhen is an object; the options are table, mode, compute, page, initial, reduce, finish, applyChange,',
    ],
    [
      "a predicate that was not made",
      { ...good, staleWhen: invalidated },
      'view "totals": staleWhen is a function; give a predicate, such as invalidated()',
    ],
    ["a number for a predicate", { ...good, expiredWhen: 3 }, "expiredWhen is the number 3; give a predicate, such as"],
    ["tags that are no function", { ...good, tags: ["a"] }, "tags is an array; give a function."],
    [
      "an empty duration",
      { ...good, window: "10s" },
      'window is the string "10s"; give a duration such as { seconds: 30 }',
    ],
  ])("%s", (_, options, message) => {
    expect(() => defineView("totals", untyped(options))).toThrow(message);
  });

  test("a name that is no table's", () => {
    expect(() => defineView("my totals", { ...good, staleWhen: invalidated() })).toThrow(
      'view "my totals": the name is the string "my totals"; give its table\'s name: letters,',
    );
  });

  test.each(["_totals", "lazyTags", "lazySomething", "7totals", "totäls", "t".repeat(65), "", undefined])(
    "%o, which is no name of a table of yours",
    (name) => {
      expect(() => defineView(untyped(name), good)).toThrow("the name is");
      expect(() => defineView(untyped(name), good)).toThrow("not beginning with lazy");
    },
  );

  test("an option that is undefined is no unknown one", () => {
    expect(() => defineView("totals", untyped({ ...good, staleWhen: undefined, triggers: undefined }))).not.toThrow();
  });

  test.each(["lazy", "lazytags", "t".repeat(64), "a_1"])("%o, which is one", (name) => {
    expect(defineView(name, good).name).toBe(name);
  });

  test("a table that indexes were added to is still the view's", () => {
    const table = viewTable({ key: { list: v.string() }, value: { sum: v.number() } });
    const indexed = table.index("by_sum", ["value.sum"]).searchIndex("by_list", { searchField: "args.list" });
    expect(indexed).toBe(table);
    expect(defineView("sums", untyped({ ...good, table: indexed })).name).toBe("sums");
    expect(indexed[" indexes"]().map(({ indexDescriptor }) => indexDescriptor)).toContain("by_sum");
  });

  test.each<[() => unknown, string]>([
    [() => anyOf(invalidated(), untyped(3)), "anyOf() is the number 3; give a predicate, such as invalidated()."],
    [() => allOf(untyped(invalidated)), "allOf() is a function; give a predicate, such as invalidated()."],
    [() => not(untyped(null)), "not() is null; give a predicate, such as invalidated()."],
    [() => changed(untyped("x")), 'changed() is the string "x"; give a function.'],
    [() => when(untyped(true)), "when() is the boolean true; give a function."],
  ])("a predicate of something else: %s", (make, message) => {
    expect(make).toThrow(message);
  });

  test("a table without a value", () => {
    expect(() => viewTable(untyped({ key: { list: v.string() } }))).toThrow(
      "viewTable: value is undefined; give Convex validators or a zod object.",
    );
  });
});
