import type { GenericDataModel, GenericQueryCtx, PaginationOptions } from "convex/server";
import { type AnyView, defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, type Key, type Totals, tables, totalsTable } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
type Item = { list: string; n: number };

/** Reads a page of the items of a list. */
async function pageOf(ctx: GenericQueryCtx<GenericDataModel>, { list }: Key, options: PaginationOptions) {
  const page = await ctx.db
    .query("items")
    .withIndex("by_list", (q) => q.eq("list", list))
    .paginate(options);
  return page as unknown as { page: Item[]; isDone: boolean; continueCursor: string };
}

interface Options {
  page?: typeof pageOf;
  reduce?: (totals: Totals, item: Item) => Totals;
  finish?: (totals: Totals) => Totals;
}

/** An app whose totals are computed page by page. */
function startPaged(options: Options = {}) {
  const totals = defineView("totals", {
    table: totalsTable,
    mode: "paged",
    sources: { items: ({ list }: Item) => [{ list }] },
    page: options.page ?? pageOf,
    initial: (): Totals => ({ count: 0, sum: 0 }),
    reduce: options.reduce ?? (({ count, sum }, { n }: Item) => ({ count: count + 1, sum: sum + n })),
    finish: options.finish ?? ((all: Totals) => all),
    timeout: { minutes: 1 },
  });
  const app = startTestApp({ tables, views: { totals: totals as AnyView } });
  const read = () => app.collect((ctx) => totals.read(ctx, key));
  return {
    ...app,
    totals,
    read,
    load: (count: number) =>
      app.mutation(async (ctx) => {
        for (let n = 0; n < count; n++) await add("a", n)(ctx);
      }),
    async readAndDeliver() {
      const { messages } = await read();
      await app.deliver(messages);
      await app.advance();
    },
    /** Begins a run, and stops after its first page. */
    async readFirstPage() {
      const { messages } = await read();
      await app.deliver(messages);
      for (let i = 0; i < 2; i++) {
        vi.advanceTimersByTime(1);
        await app.t.finishInProgressScheduledFunctions();
      }
    },
    /** Expects that no documents of runs are left. */
    async expectNoRun() {
      expect(await app.rows("lazyRuns")).toEqual([]);
      expect(await app.rows("lazyPages")).toEqual([]);
    },
    failure: async () => (await app.inspect()).views.totals?.failures[0],
  };
}

describe("a paged run", () => {
  test("sums up any number of documents, over as many transactions as it takes", async () => {
    const sizes: number[] = [];
    const app = startPaged({
      page: async (ctx, args, options) => {
        sizes.push(options.numItems);
        return await pageOf(ctx, args, options);
      },
    });
    await app.load(1_000);
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({
      count: 1_000,
      sum: 499_500,
    });
    // The pages grow while they are small for a transaction.
    expect(sizes).toEqual([100, 200, 400, 800]);
    await app.expectNoRun();
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("an empty source has the value that finish makes of the beginning", async () => {
    const app = startPaged({ finish: ({ count }) => ({ count, sum: -1 }) });
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 0, sum: -1 });
  });

  test("tells how far it has come", async () => {
    const app = startPaged();
    await app.load(250);
    const progress = () => app.query((ctx) => app.totals.progress(ctx, key));
    expect(await progress()).toBeNull();
    const seen: unknown[] = [];
    const { messages } = await app.read();
    await app.deliver(messages);
    for (let i = 0; i < 6; i++) {
      vi.advanceTimersByTime(1);
      await app.t.finishInProgressScheduledFunctions();
      seen.push(await progress());
    }
    expect(seen).toContainEqual(expect.objectContaining({ pages: 0, items: 0 }));
    expect(seen).toContainEqual(expect.objectContaining({ pages: 1, items: 100 }));
    expect(seen.at(-1)).toBeNull();
  });

  test("a change while it runs leaves the row stale, and is in the next value", async () => {
    const app = startPaged();
    await app.load(250);
    await app.readFirstPage();
    await app.mutation(async (ctx) => {
      const first = await ctx.db.query("items").first();
      await ctx.db.delete("items", first?._id as never);
    });
    await app.advance();
    const [row] = await app.rows("totals");
    // The item was in the first page.
    expect(await app.read()).toMatchObject({
      result: { state: "stale", value: { count: 250 } },
      effects: [{ seen: row?.asOf }],
    });
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toMatchObject({ count: 249 });
  });

  test("goes on after a page that failed, and repeats no other", async () => {
    const cursors: (string | null)[] = [];
    let failures = 2;
    const app = startPaged({
      page: async (ctx, args, options) => {
        cursors.push(options.cursor);
        if (options.cursor !== null && failures-- > 0) throw new Error("no luck");
        return await pageOf(ctx, args, options);
      },
    });
    await app.load(150);
    await app.readAndDeliver();
    expect(await app.failure()).toMatchObject({ message: expect.stringContaining("no luck") });
    // Effects of readers start nothing before the retry.
    await app.readAndDeliver();
    expect(cursors).toHaveLength(2);
    await app.advance(60_000);
    expect(await app.read()).toMatchObject({ result: { state: "fresh", value: { count: 150 } } });
    expect(cursors.filter((cursor) => cursor === null)).toHaveLength(1);
    expect(await app.failure()).toBeUndefined();
  });

  test("asks for smaller pages when they are too large for a transaction", async () => {
    const app = startPaged({
      page: async (ctx, args, options) => {
        if (options.numItems > 10) throw new Error("too much");
        return await pageOf(ctx, args, options);
      },
    });
    await app.load(30);
    await app.readAndDeliver();
    await app.advance(5 * 60_000);
    expect((await app.read()).result).toMatchObject({ state: "fresh", value: { count: 30 } });
  });

  test("that fails for good is given up by a sweep, and readers ask again", async () => {
    let isBroken = true;
    const app = startPaged({
      page: async (ctx, args, options) => {
        if (isBroken) throw new Error("no luck");
        return await pageOf(ctx, args, options);
      },
    });
    await app.readAndDeliver();
    await app.advance(20 * 60_000);
    await app.expectNoRun();
    expect(await app.rows("totals")).toEqual([]);
    isBroken = false;
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.testing.expectState(app.totals, key, "fresh");
  });

  test("whose job dies is given up when no page has come for its timeout, and begins anew", async () => {
    const cursors: (string | null)[] = [];
    const app = startPaged({
      page: async (ctx, args, options) => {
        cursors.push(options.cursor);
        return await pageOf(ctx, args, options);
      },
    });
    await app.load(250);
    await app.readFirstPage();
    const step = (await app.jobs()).filter(({ name, state }) => name === "lazy:recompute" && state.kind === "pending");
    expect(step).toHaveLength(1);
    await app.t.run(async (ctx) => await ctx.scheduler.cancel(step[0]?._id as never));
    await app.advance(59_000);
    expect(await app.rows("lazyPages")).toMatchObject([{ items: 100 }]);
    await app.advance(4_000);
    expect(await app.rows("totals")).toEqual([]);
    expect((await app.failure())?.message).toBe("the run did not end within 60 s");
    await app.advance(2_000);
    expect((await app.read()).result).toMatchObject({ state: "fresh", value: { count: 250 } });
    expect(cursors.filter((cursor) => cursor === null)).toHaveLength(2);
    await app.expectNoRun();
  });

  test("begins anew when another version is deployed in its middle", async () => {
    const app = startPaged();
    await app.load(150);
    await app.readFirstPage();
    await app.t.run(async (ctx) => {
      const run = await ctx.db.query("lazyRuns").first();
      await ctx.db.patch(run?._id as never, { version: 7 });
      const pages = await ctx.db.query("lazyPages").first();
      await ctx.db.patch(pages?._id as never, { accumulated: { count: 1_000, sum: 0 } });
    });
    await app.advance();
    expect((await app.failure())?.message).toBe("version 1 was deployed while version 7 was computed");
    await app.advance(60_000);
    expect((await app.read()).result).toMatchObject({ state: "fresh", value: { count: 150 } });
  });

  test("a page that gives its own cursor again is a page that never ends", async () => {
    const app = startPaged({
      page: async () => ({ page: [], isDone: false, continueCursor: "again" }),
    });
    await app.readAndDeliver();
    await app.advance(100);
    expect(await app.failure()).toMatchObject({
      message: expect.stringContaining('after 2 pages, page returned the cursor "again" and no end'),
    });
  });

  test("too many pages are pages that never end", async () => {
    let page = 0;
    const app = startPaged({
      page: async () => ({ page: [], isDone: false, continueCursor: `page ${page++}` }),
    });
    const { messages } = await app.read();
    await app.deliver(messages);
    vi.advanceTimersByTime(1);
    await app.t.finishInProgressScheduledFunctions();
    await app.t.run(async (ctx) => {
      const pages = await ctx.db.query("lazyPages").first();
      await ctx.db.patch(pages?._id as never, { pages: 10_000 });
    });
    await app.advance();
    expect((await app.failure())?.message).toContain("after 10001 pages, page returned the cursor");
  });

  test("what does not fit into a document any more fails, and the old value stays", async () => {
    const app = startPaged({
      reduce: ({ count }) => ({ count: count + 1, sum: "x".repeat(1_000_000) as never }),
    });
    await app.load(150);
    await app.readAndDeliver();
    expect((await app.failure())?.message).toMatch(
      /after 1 pages, reduce has accumulated 10000\d\d bytes, more than a document holds; split the key/,
    );
    expect((await app.read()).result.state).toBe("missing");
  });

  test.each([
    ["nothing", undefined],
    ["an array", []],
    ["a page without an end", { page: [] }],
  ])("page that returns %s says what to return", async (_, page) => {
    const app = startPaged({ page: (async () => page) as never });
    await app.readAndDeliver();
    expect((await app.failure())?.message).toContain(
      "page returned no page; return what .paginate(paginationOpts) returns",
    );
  });

  test.each(["first", "second"])("an eviction ends the %s, and leaves nothing behind", async (which) => {
    const app = startPaged();
    await app.load(250);
    if (which === "second") {
      await app.settle((ctx) => app.totals.get(ctx, key));
      await app.advance(10_000);
      await app.mutation((ctx) => app.totals.invalidate(ctx, key));
    }
    await app.readFirstPage();
    expect(await app.rows("lazyPages")).toMatchObject([{ items: 100 }]);
    await app.mutation((ctx) => app.totals.evict(ctx, key));
    await app.advance();
    expect(await app.rows("totals")).toEqual([]);
    await app.expectNoRun();
  });

  test.each([
    [{ page: undefined }, "page is undefined; give a function"],
    [{ reduce: 7 }, "reduce is the number 7; give a function"],
    [{ onMissing: "compute" }, 'onMissing is the string "compute"; give "null"'],
  ])("%o is refused", (wrong, message) => {
    const options = { page: pageOf, initial: () => 0, reduce: () => 0, finish: () => 0 };
    const define = () => defineView("totals", { table: totalsTable, mode: "paged", ...options, ...wrong } as never);
    expect(define).toThrow(message);
  });
});
