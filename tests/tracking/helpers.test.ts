import { defineSchema } from "convex/server";
import { filter } from "convex-helpers/server/filter";
import { getAll, getManyFrom, getOneFrom } from "convex-helpers/server/relationships";
import { mergedStream, stream } from "convex-helpers/server/stream";
import { afterEach, expect, test } from "vitest";
import { endTestApp, type QueryCtx } from "../testApp.js";
import { items, type Key, listView, startLists } from "./lists.js";

// Helpers of other libraries that read with a compute's ctx.

afterEach(endTestApp);

const schema = defineSchema({ items });
type Found = { _id: string; n: number }[];

const READS: Record<string, (ctx: QueryCtx, key: Key) => Promise<Found>> = {
  getManyFrom: async (ctx, { list }) => {
    const found = await getManyFrom(ctx.db as never, "items" as never, "by_list", list as never, "list" as never);
    return found as unknown as Found;
  },
  getOneFrom: async (ctx, { list }) => {
    const found = await getOneFrom(ctx.db as never, "items" as never, "by_list", list as never, "list" as never).catch(
      () => null,
    );
    return (found === null ? [] : [found]) as unknown as Found;
  },
  getAll: async (ctx, { list }) => {
    const found = await ctx.db
      .query("items")
      .withIndex("by_list", (q) => q.eq("list", list))
      .collect();
    return (await getAll(ctx.db as never, "items" as never, found.map(({ _id }) => _id) as never)) as Found;
  },
  filter: async (ctx, { list }) => {
    const query = ctx.db.query("items").withIndex("by_list", (q) => q.eq("list", list));
    return (await filter(query, ({ n }) => Number(n) > 0).collect()) as unknown as Found;
  },
  stream: async (ctx, { list }) => {
    const found = stream(ctx.db as never, schema)
      .query("items")
      .withIndex("by_list", (q) => q.eq("list", list));
    return (await found.collect()) as unknown as Found;
  },
  mergedStream: async (ctx, { list }) => {
    const streams = [list, `${list}2`].map((each) =>
      stream(ctx.db as never, schema)
        .query("items")
        .withIndex("by_list", (q) => q.eq("list", each)),
    );
    return (await mergedStream(streams, ["_creationTime"]).collect()) as unknown as Found;
  },
};

test.each(Object.keys(READS))("what convex-helpers reads is a dependency: %s", async (how) => {
  const sums = listView("sums", async (ctx, key) => {
    const found = (await READS[how]?.(ctx, key)) ?? [];
    return found.reduce((sum, { n }) => sum + n, 0);
  });
  const app = startLists([sums]);
  await app.refresh(sums, "a");
  await app.add("b", 1);
  expect(await app.state(sums, "a")).toBe("fresh");
  await app.add("a", 1);
  expect(await app.state(sums, "a")).toBe("stale");
  expect(await app.refresh(sums, "a")).toBe(1);
  await app.mutation(async ({ db }) => {
    for (const { _id } of await db.query("items").collect()) await db.patch("items", _id as never, { n: 2 });
  });
  expect(await app.state(sums, "a")).toBe("stale");
  expect(await app.refresh(sums, "a")).toBe(2);
  expect(await app.state(sums, "a")).toBe("fresh");
});
