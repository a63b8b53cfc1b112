import { anyApi, type FunctionReference, mutationGeneric } from "convex/server";
import { v } from "convex/values";
import { afterEach, expect, test } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { type Item, listView, startLists, sumOf } from "./lists.js";

afterEach(endTestApp);

const key = { list: "a" };
const refresh = anyApi.sub?.refresh as FunctionReference<"mutation">;

function start() {
  const sums = listView("sums", (ctx, { list }) => sumOf(ctx, list));
  const app = startLists([sums], {
    build: (lazy) => ({
      sub: {
        refresh: lazy.mutation(mutationGeneric)({
          args: { throws: v.boolean() },
          handler: async (ctx, { throws }) => {
            await sums.refresh(ctx as unknown as MutationCtx, key);
            if (throws) throw new Error("on purpose");
          },
        }),
      },
    }),
  });
  const insert = ({ db }: MutationCtx, list = "a") => db.insert("items", { list, n: 1 } satisfies Item);
  return { ...app, sums, insert };
}

test.each([true, false])(
  "a row that a sub-mutation commits is made stale by what its mutation writes next; other rows were tracked: %o",
  async (isKnown) => {
    const app = start();
    if (isKnown) await app.refresh(app.sums, "b");
    await app.mutation(async (ctx) => {
      // Now the mutation has cached that no row depends on the list.
      await app.insert(ctx);
      await ctx.runMutation(refresh, { throws: false });
      expect(await app.sums.peek(ctx, key)).toMatchObject({ state: "fresh", value: 1 });
      await app.insert(ctx);
      expect((await app.sums.peek(ctx, key)).state).toBe("stale");
    });
    await app.testing.expectState(app.sums, key, "stale");
    expect(await app.refresh(app.sums, "a")).toBe(2);
  },
);

test("what a sub-mutation that throws has stored is forgotten with it", async () => {
  const app = start();
  await app.refresh(app.sums, "b");
  const before = await app.rows("lazyDependencies");
  await app.mutation(async (ctx) => {
    await app.insert(ctx);
    await ctx.runMutation(refresh, { throws: true }).catch(() => {});
    await app.insert(ctx);
    await app.insert(ctx, "b");
  });
  await app.testing.expectState(app.sums, key, "missing");
  await app.testing.expectState(app.sums, { list: "b" }, "stale");
  expect(await app.rows("lazyDependencies")).toEqual(before);
});

test("writes side by side with a sub-mutation that commits a row are in the row, or make it stale", async () => {
  const app = start();
  await app.mutation(async (ctx) => {
    await Promise.all([app.insert(ctx), ctx.runMutation(refresh, { throws: false }), app.insert(ctx)]);
  });
  const { state, value } = await app.testing.peek(app.sums, key);
  expect(state === "stale" || value === 2).toBe(true);
  expect(await app.settle((ctx) => app.sums.get(ctx, key))).toBe(2);
});
