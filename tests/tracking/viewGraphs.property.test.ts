import { anyApi, type FunctionReference, mutationGeneric } from "convex/server";
import { v } from "convex/values";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { SEED } from "../seed.js";
import { endTestApp, type MutationCtx, type QueryCtx } from "../testApp.js";
import { crowd } from "./crowd.js";
import { type Key, type ListView, listView, startLists, sumOf } from "./lists.js";
import {
  applyChange,
  event,
  type Graph,
  graph,
  keyAt,
  LISTS,
  NAMES,
  type Step,
  sourcesOf,
  type Term,
} from "./viewGraphs.js";

afterEach(endTestApp);

type StoredRow = { args: Key; value: number };
/** How a compute reads views: with the library, or by computing everything from scratch. */
interface Reads {
  one(name: string, key: Key, how: string): Promise<number>;
  all(name: string, how: string): Promise<number[]>;
}

/** Adds up the terms of a view, for a key. */
async function addUp(ctx: Pick<QueryCtx, "db">, terms: readonly Term[], own: Key, reads: Reads): Promise<number> {
  let sum = 0;
  for (const [i, term] of terms.entries()) {
    const weight = 10 ** i;
    if (!("list" in term)) {
      for (const value of await reads.all(term.view, term.of)) sum += weight * value;
      continue;
    }
    const key = keyAt(own.list, term.list);
    if (term.of === "items") sum += weight * (await sumOf(ctx, key.list));
    else if (term.of !== "if positive" || sum > 0) sum += weight * (await reads.one(term.view, key, term.of));
  }
  return sum;
}

function start({ terms, declared, applied }: Graph) {
  const views: Record<string, ListView> = {};
  const rowsOf = async (ctx: Pick<QueryCtx, "db">, name: string) =>
    (await ctx.db.query(name).collect()) as unknown as StoredRow[];
  const byLibrary = (ctx: QueryCtx): Reads => ({
    async one(name, key, how) {
      const view = views[name] as ListView;
      if (how === "read") return Number((await view.read(ctx, key)).value);
      if (how === "getMany") return Number((await view.getMany(ctx, [key]))[0]);
      return Number(await view.get(ctx, key));
    },
    async all(name, how) {
      if (how === "rows") return (await rowsOf(ctx, name)).map(({ value }) => value);
      const reads = await views[name]?.readRows(ctx, rowsOf(ctx, name) as never);
      return (reads ?? []).map(({ value }) => Number(value));
    },
  });
  /** The value of a view for a key, computed from scratch. Of stored rows it uses only whether they exist. */
  const truth = (ctx: Pick<QueryCtx, "db">, name: string, key: Key): Promise<number> =>
    addUp(ctx, terms[name] ?? [], key, {
      one: (inner, innerKey) => truth(ctx, inner, innerKey),
      all: async (inner) => Promise.all((await rowsOf(ctx, inner)).map(({ args }) => truth(ctx, inner, args))),
    });
  for (const name of NAMES) {
    const own = terms[name] ?? [];
    const compute = (ctx: QueryCtx, key: Key) => addUp(ctx, own, key, byLibrary(ctx));
    const options = { sources: sourcesOf(own), ...(applied.has(name) && { applyChange: applyChange(own) }) };
    views[name] = listView(name, compute, declared.has(name) ? options : {});
  }

  const runSteps = anyApi.sub?.run as FunctionReference<"mutation">;
  const perform = async (ctx: MutationCtx, step: Step): Promise<void> => {
    switch (step.do) {
      case "insert":
        return void (await ctx.db.insert("items", { list: step.list, n: step.n }));
      case "refresh":
      case "evict":
      case "invalidate":
        return void (await views[step.view]?.[step.do](ctx, { list: step.list }));
      case "side by side":
        return void (await Promise.all(step.steps.map((each) => perform(ctx, each))));
      case "sub-mutation":
      case "sub-mutation that throws": {
        const throws = step.do === "sub-mutation that throws";
        return void (await ctx.runMutation(runSteps, { steps: step.steps, throws }).catch(() => {}));
      }
      default: {
        const all = await ctx.db.query("items").collect();
        const id = all[step.item % Math.max(all.length, 1)]?._id as never;
        if (id === undefined) return;
        // It may be deleted by then: an app would catch the error, and go on.
        if (step.do === "delete") await ctx.db.delete("items", id).catch(() => {});
        else await ctx.db.patch("items", id, step.do === "move" ? { list: step.list } : { n: step.n }).catch(() => {});
      }
    }
  };
  const app = startLists(Object.values(views), {
    build: (lazy) => ({
      sub: {
        run: lazy.mutation(mutationGeneric)({
          args: { steps: v.any(), throws: v.boolean() },
          handler: async (ctx, { steps, throws }) => {
            for (const each of steps as Step[]) await perform(ctx as unknown as MutationCtx, each);
            if (throws) throw new Error("on purpose");
          },
        }),
      },
    }),
  });
  return { ...app, views, perform, truth };
}

const seen = { fresh: 0, stale: 0 };

test("a fresh row is equal to a computation from scratch, whatever views are computed over others", async () => {
  await fc.assert(
    fc.asyncProperty(graph, fc.array(event, { minLength: 2, maxLength: 10 }), async (graph, events) => {
      const app = start(graph);
      const check = async (ctx: QueryCtx | MutationCtx) => {
        for (const name of NAMES) {
          for (const each of LISTS) {
            const key = { list: each };
            const read = await app.views[name]?.peek(ctx, key);
            if (read?.state === "fresh")
              expect([name, each, read.value]).toEqual([name, each, await app.truth(ctx, name, key)]);
            if (read?.state === "fresh" || read?.state === "stale") seen[read.state]++;
          }
        }
      };
      await app.mutation(async (ctx) => {
        for (const [i, each] of LISTS.entries()) await app.perform(ctx, { do: "insert", list: each, n: i + 1 });
        for (const view of NAMES) for (const each of LISTS) await app.perform(ctx, { do: "refresh", view, list: each });
      });
      await app.query(check);
      for (const event of events) {
        if (Array.isArray(event)) {
          await app.mutation(async (ctx) => {
            for (const each of event) await app.perform(ctx, each);
            await check(ctx);
          });
        } else if ("dependency" in event) {
          const row = await crowd<Key>(app, event.dependency);
          if (row) await app.mutation((ctx) => app.views[row.view]?.evict(ctx, row.key));
          if (row) await app.mutation((ctx) => app.views[row.view]?.refresh(ctx, row.key));
        } else {
          const view = app.views[event.view] as ListView;
          const key = { list: event.list };
          const value = await app.settle((ctx) => view.get(ctx, key));
          expect(value).toBe(await app.query((ctx) => app.truth(ctx, event.view, key)));
          await app.testing.expectState(view, key, "fresh");
        }
        await app.query(check);
      }
      endTestApp();
    }),
    { seed: 13 * SEED, numRuns: 50 },
  );
  expect(Math.min(seen.fresh, seen.stale)).toBeGreaterThan(300);
});
