import { anyApi, mutationGeneric } from "convex/server";
import { v } from "convex/values";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx, noteTargets, type QueryCtx } from "../testApp.js";
import { add, startTotals } from "../totals.js";

afterEach(endTestApp);

const LISTS = ["a", "b", "c"];

/** An app with an item in each list: 1, 2 and 3. */
async function start() {
  const app = startTotals(
    {},
    {
      modules: { notes: noteTargets() },
      build: (lazy) => ({
        sub: {
          add: lazy.mutation(mutationGeneric)({
            args: { list: v.string(), n: v.number() },
            handler: async (ctx, { list, n }) => void (await add(list, n)(ctx)),
          }),
        },
      }),
    },
  );
  for (const [i, list] of LISTS.entries()) await app.mutation(add(list, i + 1));
  const sums = async () =>
    (await app.rows("totals")).map(({ key, args, value }) => [key, args, (value as { sum: number }).sum]);
  return { ...app, sums };
}
const ALL = LISTS.map((list, i) => [`{"list":"${list}"}`, { list }, i + 1]);

describe("an object that the app changes after the call counts as it was in the call", () => {
  test.each(["query", "mutation"] as const)("a key that is read, in a %s", async (kind) => {
    const app = await start();
    const read = async (ctx: QueryCtx | MutationCtx) => {
      const key = { list: "" };
      for (const list of LISTS) {
        key.list = list;
        await app.totals.get(ctx, key);
      }
    };
    if (kind === "mutation") await app.mutation(read);
    else await app.deliver((await app.collect(read)).messages);
    await app.advance(10_000);
    expect(await app.sums()).toEqual(ALL);
  });

  test("a key that is refreshed", async () => {
    const app = await start();
    await app.mutation(async (ctx) => {
      const key = { list: "" };
      const refreshes = LISTS.map((list) => {
        key.list = list;
        return app.totals.refresh(ctx, key);
      });
      key.list = "z";
      await Promise.all(refreshes);
    });
    expect(await app.sums()).toEqual(ALL);
  });

  test("keys that are invalidated and evicted", async () => {
    const app = await start();
    await app.settle((ctx) =>
      app.totals.getMany(
        ctx,
        LISTS.map((list) => ({ list })),
      ),
    );
    await app.mutation(async (ctx) => {
      const key = { list: "a" };
      const works = [app.totals.invalidate(ctx, key)];
      key.list = "b";
      works.push(app.totals.evict(ctx, key) as never);
      key.list = "c";
      await Promise.all(works);
    });
    const rows = await app.rows("totals");
    expect(rows.map(({ args, dirtyAt }) => [args, dirtyAt !== undefined])).toEqual([
      [{ list: "a" }, true],
      [{ list: "c" }, false],
    ]);
  });

  test("the arguments of an effect", async () => {
    const app = await start();
    const { messages } = await app.collect((ctx) => {
      const args = { text: "" };
      for (const list of LISTS) {
        args.text = list;
        ctx.scheduleEffect(anyApi.notes?.note as never, args as never);
      }
    });
    await app.deliver(messages);
    await app.advance(10_000);
    expect((await app.rows("notes")).map(({ text }) => text)).toEqual(LISTS);
  });

  test("the arguments of a mutation inside another", async () => {
    const app = await start();
    await app.mutation(async (ctx) => {
      const item = { list: "a", n: 0 };
      const works = [10, 20, 30].map((n) => {
        item.n = n;
        return ctx.runMutation(anyApi.sub?.add as never, item as never);
      });
      await Promise.all(works);
    });
    expect((await app.rows("items")).map(({ n }) => n)).toEqual([1, 2, 3, 10, 20, 30]);
  });
});
