import { anyApi, type FunctionReference, type PaginationOptions, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { invalidated } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { MAX_ATTEMPTS } from "../src/effects/ledger.js";
import type { Mode } from "../src/model/definition.js";
import { SEED } from "./seed.js";
import { endTestApp, type MutationCtx, type QueryCtx } from "./testApp.js";
import { add, type Key, startTotals, type Totals, type TotalsOptions, total } from "./totals.js";

afterEach(endTestApp);

const WINDOW_MS = 10_000;
const LISTS = ["a", "b"];

/** One step of a history. Messages are the lines of effects that have not arrived yet. */
type Step =
  | { do: "write" | "write during a run"; list: string }
  | { do: "move" }
  | { do: "refresh" | "evict"; list: string }
  | { do: "deliver" | "deliver and keep" | "lose"; message: number }
  | { do: "wait"; ms: number }
  | { do: "break" | "mend" };

const guard = fc.constantFrom<Guard[]>("sources", "tags", "expired", "leased");
const mode = fc.constantFrom<Mode[]>("transaction", "snapshot", "action", "paged");
const list = fc.constantFrom(...LISTS);
const message = fc.nat({ max: 99 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), list }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("write during a run" as const), list }) },
  { weight: 2, arbitrary: fc.constant({ do: "move" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("refresh" as const, "evict" as const), list }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("deliver" as const), message }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deliver and keep" as const), message }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), message }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 500, 9_000, 10_001, 61_000),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ do: "break" as const }, { do: "mend" as const }) },
);

/**
 * What makes rows out of date.
 * - `sources`: the items that a mutation writes.
 * - `tags`: the tag of the list, which every mutation that writes an item invalidates.
 * - `expired`: as `sources`; an outdated value must not be served.
 * - `leased`: as `sources`; writes recompute the rows that readers have asked for lately.
 */
type Guard = "sources" | "tags" | "expired" | "leased";

const GUARDS: Record<Guard, TotalsOptions> = {
  sources: {},
  tags: { sources: {}, tags: ({ list }) => ["all", `list:${list}`] },
  expired: { expiredWhen: invalidated() },
  leased: { lease: { seconds: 30 } },
};

/** The module `sums`, whose query an action runs to compute. */
const sums = {
  total: queryGeneric({
    args: { list: v.string() },
    handler: async (ctx, key) => await total(ctx as never, key),
  }),
};

/** Runs a history with one subscriber for each key. It reads again whenever its row or tag changes, as in Convex. */
async function runHistory(guard: Guard, mode: Mode, steps: Step[]) {
  let broken = false;
  const starts: { list: string; at: number; requested: boolean }[] = [];
  let requested = false;
  const begin = (list: string) => {
    starts.push({ list, at: Date.now(), requested });
    if (broken) throw new Error("broken");
  };
  const compute: TotalsOptions["compute"] = async (ctx, key) => {
    begin(key.list);
    if (mode !== "action") return await total(ctx, key);
    const value = await ctx.runQuery(anyApi.sums?.total as FunctionReference<"query">, key);
    const work = betweenReadAndCommit;
    betweenReadAndCommit = async () => {};
    await work();
    return value;
  };
  let betweenReadAndCommit = async () => {};
  const paged = {
    page: async (ctx: QueryCtx, { list }: Key, { cursor }: PaginationOptions) => {
      if (cursor === null) begin(list);
      return await ctx.db
        .query("items")
        .withIndex("by_list", (q) => q.eq("list", list))
        .paginate({ cursor, numItems: 2 });
    },
    initial: () => ({ count: 0, sum: 0 }),
    reduce: ({ count, sum }: Totals, { n }: { n: number }) => ({ count: count + 1, sum: sum + n }),
    finish: (totals: Totals) => totals,
  };
  const computing = mode === "paged" ? paged : { compute };
  const app = startTotals({ ...GUARDS[guard], mode, ...computing }, { modules: { sums } });
  const pending: string[] = [];
  const seenRows = new Map<string, string>();
  let lost = 0;
  let items: unknown[] = [];

  /** What a subscriber of a list depends on, as text. */
  const readBy = async (list: string) => {
    const row = (await app.rows("totals")).find(({ args }) => (args as Key).list === list);
    const tags = (await app.rows("lazyTags")).filter(({ tag }) => tag === `list:${list}`);
    const plain = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);
    return JSON.stringify([row ?? null, tags], plain);
  };
  const change = (lists: string[], work: (ctx: MutationCtx) => Promise<unknown>) =>
    app.mutation(async (ctx) => {
      const id = await work(ctx);
      if (guard === "tags") {
        for (const list of lists) await app.lazy.invalidateTag(ctx, `list:${list}`);
      }
      return id;
    });

  const write = async (list: string) => {
    items.push(await change([list], add(list, 1)));
  };

  /** Has subscribers whose row changed read again. A fresh value must be equal to what compute returns now. */
  const react = async () => {
    for (const list of LISTS) {
      const row = await readBy(list);
      const { result, messages } = await app.collect((ctx) => app.totals.read(ctx, { list }));
      if (result.state === "fresh" || (guard === "expired" && result.value !== null)) {
        const now = await app.t.run(async (ctx) => await total(ctx as never, { list }));
        expect(result.value).toEqual(now);
      }
      if (seenRows.get(list) !== row) pending.push(...messages);
      seenRows.set(list, row);
    }
  };
  const perform = async (step: Step) => {
    switch (step.do) {
      case "write":
        await write(step.list);
        break;
      case "write during a run":
        if (mode === "action") betweenReadAndCommit = () => write(step.list);
        break;
      case "move": {
        const id = items[0];
        items = items.slice(1);
        if (id === undefined) break;
        await change(LISTS, async (ctx) => await ctx.db.patch(id as never, { list: "b" }));
        break;
      }
      case "refresh":
        requested = true;
        await app.mutation((ctx) => app.totals.refresh(ctx, { list: step.list })).catch(() => {});
        requested = false;
        break;
      case "evict":
        await app.mutation((ctx) => app.totals.evict(ctx, { list: step.list }));
        break;
      case "deliver":
      case "deliver and keep":
      case "lose": {
        if (pending.length === 0) break;
        const i = step.message % pending.length;
        if (step.do !== "lose") await app.deliver([pending[i] as string]);
        else lost++;
        if (step.do !== "deliver and keep") pending.splice(i, 1);
        break;
      }
      case "wait":
        await app.advance(step.ms);
        break;
      case "break":
      case "mend":
        broken = step.do === "break";
    }
    await react();
  };

  await react();
  for (const next of steps) await perform(next);

  // Writes stop, and all messages arrive: every row becomes fresh without a second read. A row whose effect was lost
  // becomes fresh after the next write that follows the grace.
  betweenReadAndCommit = async () => {};
  await perform({ do: "mend" });
  if (lost > 0) {
    const marked = (await app.rows("totals")).map(({ dirtyAt = 0, nudgedAt = dirtyAt }) => {
      return (nudgedAt as number) - (dirtyAt as number);
    });
    await perform({ do: "wait", ms: Math.max(...marked, 60_000) + 1_000 });
    for (const list of LISTS) await perform({ do: "write", list });
    seenRows.clear();
    await react();
  }
  const deliverAll = async () => {
    for (let i = 0; i < 400 && pending.length > 0; i++) {
      await perform({ do: "deliver", message: 0 });
      await perform({ do: "wait", ms: 2_000 });
    }
  };
  await deliverAll();
  // As long as the longest backoff. A row whose attempts were used up while compute failed needs another reader.
  await perform({ do: "wait", ms: 10 * 60_000 });
  const failures = (await app.inspect()).views.totals?.failures ?? [];
  if (failures.some(({ attempts }) => attempts >= MAX_ATTEMPTS)) {
    seenRows.clear();
    await react();
  }
  // A run that ends only now may leave its row stale, and then its subscriber reads again.
  await deliverAll();
  await perform({ do: "wait", ms: 10 * 60_000 });
  for (const list of LISTS) {
    const { result } = await app.collect((ctx) => app.totals.read(ctx, { list }));
    expect(result.state).toBe("fresh");
  }

  // At most one recompute of each key starts in a window.
  for (const list of LISTS) {
    const own = starts.filter((start) => start.list === list && !start.requested);
    for (const [i, start] of own.slice(1).entries()) {
      expect(start.at - (own[i] as { at: number }).at).toBeGreaterThanOrEqual(WINDOW_MS - 10);
    }
  }
}

test("an eviction ends the backoff of a failure, not its window", async () => {
  await runHistory("sources", "paged", [
    { do: "deliver", message: 0 },
    { do: "break" },
    { do: "wait", ms: 0 },
    { do: "evict", list: "a" },
  ]);
});

test.each([1, 2, 3, 4])(
  "random histories, part %d: never fresh and wrong, one recompute a window, and everything converges",
  async (part) => {
    await fc.assert(
      fc.asyncProperty(guard, mode, fc.array(step, { minLength: 1, maxLength: 40 }), async (...history) => {
        await runHistory(...history);
        endTestApp();
      }),
      { seed: 4 * SEED + part, numRuns: 30 },
    );
  },
);
