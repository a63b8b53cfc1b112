import type { GenericDataModel } from "convex/server";
import { Triggers } from "convex-helpers/server/triggers";
import { type AnyView, defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, copyRow, type Key, tables, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

/** Totals without sources: only tags say when they are out of date. */
function startTagged(tags: (key: Key) => unknown = ({ list }) => [`list:${list}`, "all"]) {
  const totals = defineView("totals", {
    table: totalsTable,
    tags: tags as (key: Key) => string[],
    compute: total,
  });
  return { ...startTestApp({ tables, views: { totals: totals as AnyView } }), totals };
}

describe("tags", () => {
  test("an invalidated tag makes the rows stale whose keys have it, and no others", async () => {
    const { totals, testing, ...app } = startTagged();
    const readBoth = () => app.settle((ctx) => totals.getMany(ctx, [{ list: "a" }, { list: "b" }]));
    await readBoth();
    await app.mutation(async (ctx) => {
      await app.lazy.invalidateTag(ctx, "list:a");
    });
    await testing.expectState(totals, { list: "a" }, "stale");
    await testing.expectState(totals, { list: "b" }, "fresh");
    await readBoth();
    await testing.expectState(totals, { list: "a" }, "fresh");
  });

  test("one written document invalidates 5,000 rows", async () => {
    const { totals, testing, ...app } = startTagged();
    await app.settle((ctx) => totals.get(ctx, { list: "0" }));
    await copyRow(app, 5_000);
    const written = await app.mutation(async (ctx) => {
      await app.lazy.invalidateTag(ctx, "all");
      return (await ctx.meta.getTransactionMetrics()).documentsWritten.used;
    });
    expect(written).toBe(1);
    for (const list of ["0", "1", "2500", "4999"]) {
      await testing.expectState(totals, { list }, "stale");
    }
    await app.settle((ctx) => totals.get(ctx, { list: "2500" }));
    await testing.expectState(totals, { list: "2500" }, "fresh");
    await testing.expectState(totals, { list: "4999" }, "stale");
  });

  test("a read pays one document for each tag that was ever invalidated", async () => {
    const { totals, ...app } = startTagged();
    const documents = () =>
      app.query(async (ctx) => {
        await totals.get(ctx, { list: "a" });
        return (await ctx.meta.getTransactionMetrics()).documentsRead.used;
      });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    expect(await documents()).toBe(1);
    await app.mutation(async (ctx) => {
      await app.lazy.invalidateTag(ctx, "all");
      await app.lazy.invalidateTag(ctx, "list:a");
    });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    expect(await documents()).toBe(3);
  });

  test("the mutation that invalidates a tag sees its rows as stale itself", async () => {
    const { totals, ...app } = startTagged();
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    const state = await app.mutation(async (ctx) => {
      await app.lazy.invalidateTag(ctx, "all");
      await app.lazy.invalidateTag(ctx, "all");
      return (await totals.read(ctx, { list: "a" })).state;
    });
    expect(state).toBe("stale");
  });

  test("a row that is refreshed by the mutation that invalidates its tag commits, and heals", async () => {
    const { totals, testing, ...app } = startTagged();
    await app.mutation(async (ctx) => {
      await app.lazy.invalidateTag(ctx, "all");
      await totals.refresh(ctx, { list: "a" });
      await add("a", 1)(ctx);
    });
    await testing.expectState(totals, { list: "a" }, "stale");
    expect(await app.settle((ctx) => totals.get(ctx, { list: "a" }))).toEqual({ count: 1, sum: 1 });
    await testing.expectState(totals, { list: "a" }, "fresh");
  });

  test("a trigger may invalidate tags", async () => {
    const triggers = new Triggers<GenericDataModel>();
    const totals = defineView("totals", {
      table: totalsTable,
      tags: ({ list }) => [list],
      compute: total,
    });
    const app = startTestApp({ tables, views: { totals: totals as AnyView } });
    triggers.register("items", async (ctx, { newDoc }) => {
      await app.lazy.invalidateTag(ctx, String(newDoc?.list));
    });
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    await app.mutation((ctx) => add("a", 5)(triggers.wrapDB(ctx)));
    await app.testing.expectState(totals, { list: "a" }, "stale");
  });

  test.each([
    ["not an array", () => "all", 'tags returned the string "all"'],
    ["a number among them", () => ["a", 7], "tags: the number 7 is not a tag"],
    ["an empty one", () => [""], 'tags: the string "" is not a tag'],
    ["201 of them", () => Array.from({ length: 201 }, (_, i) => `t${i}`), "returned 201 tags"],
  ])("wrong tags of a key: %s", async (_, tags, message) => {
    const { totals, testing, ...app } = startTagged(tags);
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    await app.readAndSettle((ctx) => totals.get(ctx, { list: "a" }));
    const { views } = await app.inspect();
    expect(views.totals?.failures[0]?.message).toContain(message);
    expect(complaints).not.toHaveBeenCalled();
  });

  test("tags that turn wrong leave their rows readable", async () => {
    let tags: unknown = ["fine"];
    const { totals, testing, ...app } = startTagged(() => tags);
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    tags = [null];
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    expect(await app.query((ctx) => totals.read(ctx, { list: "a" }))).toMatchObject({
      state: "stale",
      value: { count: 0 },
    });
    expect(complaints.mock.calls[0]?.[0]).toContain("null is not a tag");
  });

  test("200 tags are allowed, repeated ones count once", async () => {
    const tags = Array.from({ length: 400 }, (_, i) => `t${i % 200}`);
    const { totals, testing, ...app } = startTagged(() => tags);
    await app.settle((ctx) => totals.get(ctx, { list: "a" }));
    await testing.expectState(totals, { list: "a" }, "fresh");
  });

  test.each([[7], [""], [null], [undefined], [["a"]]])("invalidateTag(%o) is refused", async (tag) => {
    const app = startTagged();
    const call = app.mutation((ctx) => app.lazy.invalidateTag(ctx, tag as never));
    await expect(call).rejects.toThrow(/^invalidateTag: .* is not a tag; give a string/);
    expect(await app.rows("lazyTags")).toEqual([]);
  });

  test("tags that are not a function are refused", () => {
    const define = () => defineView("totals", { table: totalsTable, tags: ["all"] as never, compute: total });
    expect(define).toThrow('view "totals": tags is an array; give a function');
  });
});
