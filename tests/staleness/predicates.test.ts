import { allOf, anyOf, changed, invalidated, not, when } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Staleness, Verdict } from "../../src/model/definition.js";
import { endTestApp } from "../testApp.js";
import { add, type Key, startTotals, type Totals, total } from "../totals.js";

afterEach(endTestApp);
const key = { list: "a" };

/** The states that readers find before and after a change of a row that was just computed. */
async function states(
  staleWhen: Staleness<Key, Totals>,
  happens: (app: ReturnType<typeof startTotals>) => Promise<unknown>,
) {
  const app = startTotals({ staleWhen });
  await app.mutation((ctx) => app.totals.refresh(ctx, key));
  const state = async () => (await app.collect((ctx) => app.totals.read(ctx, key))).result.state;
  const before = await state();
  await happens(app);
  return [before, await state()];
}

const write = (app: ReturnType<typeof startTotals>) => app.mutation(add("a", 1));
const rawWrite = (app: ReturnType<typeof startTotals>) =>
  app.t.run(async (ctx) => await ctx.db.insert("items", { list: "a", n: 1 } as never));
const nothing = async () => {};

test("invalidated: stale after a write through lazy.mutation, not after one that bypasses it", async () => {
  expect(await states(invalidated(), write)).toEqual(["fresh", "stale"]);
  expect(await states(invalidated(), rawWrite)).toEqual(["fresh", "fresh"]);
  expect(await states(invalidated(), (app) => app.mutation(add("b", 1)))).toEqual(["fresh", "fresh"]);
});

describe("changed", () => {
  const count = () => changed(async (ctx, args: Key) => (await total(ctx, args)).count);

  test("sees writes that bypass the library", async () => {
    expect(await states(count(), rawWrite)).toEqual(["fresh", "stale"]);
    expect(await states(count(), nothing)).toEqual(["fresh", "fresh"]);
  });

  test("compares results as Convex values: NaN equals NaN, 0 is not -0, field order means nothing", async () => {
    let result: unknown = { a: Number.NaN, b: [1n] };
    const probe = changed(() => result as never);
    expect(
      await states(probe, async () => {
        result = { b: [1n], a: Number.NaN };
      }),
    ).toEqual(["fresh", "fresh"]);
    result = 0;
    expect(
      await states(probe, async () => {
        result = -0;
      }),
    ).toEqual(["fresh", "stale"]);
  });

  test("several in one view each keep their own result", async () => {
    let one = 1;
    let two = 2;
    const both = () =>
      anyOf(
        changed(() => one),
        allOf(
          changed(() => two),
          when(() => true),
        ),
      );
    const view = () => anyOf(both(), invalidated());
    expect(
      await states(
        allOf(
          view(),
          changed(() => one),
        ),
        async () => {
          one++;
        },
      ),
    ).toEqual(["fresh", "stale"]);
    expect(
      await states(
        anyOf(
          changed(() => one),
          allOf(
            changed(() => two),
            changed(() => two),
          ),
        ),
        async () => {
          two++;
        },
      ),
    ).toEqual(["fresh", "stale"]);
  });

  test("after a recompute it is fresh again", async () => {
    const app = startTotals({ staleWhen: count() });
    await app.readAndSettle((ctx) => app.totals.get(ctx, key));
    await rawWrite(app);
    await app.readAndSettle((ctx) => app.totals.get(ctx, key));
    const { result } = await app.collect((ctx) => app.totals.read(ctx, key));
    expect(result).toMatchObject({ state: "fresh", value: { count: 1 } });
  });
});

describe("when", () => {
  let verdict: boolean | Verdict = "fresh";
  const said = () => when(() => verdict);

  test.each<[boolean | Verdict, string]>([
    [true, "stale"],
    [false, "fresh"],
    ["stale", "stale"],
    ["expired", "expired"],
    ["fresh", "fresh"],
  ])("%s → %s", async (next, state) => {
    verdict = "fresh";
    expect(
      await states(said(), async () => {
        verdict = next;
      }),
    ).toEqual(["fresh", state]);
  });

  test("gets the row and a ctx that reads", async () => {
    const seen: unknown[] = [];
    await states(
      when(async (row, ctx) => {
        seen.push(row, (await ctx.db.query("items").collect()).length);
        return false;
      }),
      nothing,
    );
    expect(seen.slice(0, 2)).toEqual([
      { key, value: { count: 0, sum: 0 }, version: 1, computedAt: expect.any(Number) },
      0,
    ]);
  });

  test("that throws in a read is logged, and the row is served as stale", async () => {
    verdict = "fresh";
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const app = startTotals({
      staleWhen: when(() => {
        if (verdict === "stale") throw new Error("broken predicate");
        return false;
      }),
    });
    await app.mutation((ctx) => app.totals.refresh(ctx, key));
    verdict = "stale";
    const { result, effects } = await app.collect((ctx) => app.totals.read(ctx, key));
    expect(result).toMatchObject({ state: "stale", value: { count: 0 } });
    expect(effects).toHaveLength(1);
    expect(complaint.mock.calls[0]?.[0]).toContain('view "totals": the row counts as stale');
  });
});

test("probes and predicates only read, also in a mutation", async () => {
  const seen: object[] = [];
  const app = startTotals({
    staleWhen: anyOf(
      changed((ctx: object) => {
        seen.push(ctx);
        return null;
      }),
      when((_: { value: Totals }, ctx) => {
        seen.push(ctx);
        return false;
      }),
    ),
  });
  await app.mutation(async (ctx) => {
    await app.totals.refresh(ctx, { list: "a" });
    await app.totals.get(ctx, { list: "a" });
  });
  expect(seen.length).toBeGreaterThanOrEqual(4);
  for (const ctx of seen) {
    const { db, ...others } = ctx as Record<string, unknown>;
    for (const names of [Object.keys(others), Object.keys(db as object)]) {
      for (const name of ["scheduler", "runMutation", "insert"]) expect(names).not.toContain(name);
    }
    expect(() => Reflect.get(ctx as object, "scheduler")).toThrow("ctx.scheduler: compute and predicates only read");
  }
});

describe("combinations", () => {
  const verdicts: Verdict[] = ["fresh", "stale", "expired"];
  const constant = (verdict: Verdict): Staleness<Key, Totals> => ({
    probes: [],
    ages: [],
    asksMarks: false,
    judge: () => verdict,
  });
  const judge = async (predicate: Staleness<Key, Totals>) => await predicate.judge({} as never);

  test("anyOf takes the most severe verdict, allOf the least severe, not turns fresh and stale round", async () => {
    for (const [i, a] of verdicts.entries()) {
      for (const [j, b] of verdicts.entries()) {
        expect(await judge(anyOf(constant(a), constant(b)))).toBe(verdicts[Math.max(i, j)]);
        expect(await judge(allOf(constant(a), constant(b)))).toBe(verdicts[Math.min(i, j)]);
      }
      expect(await judge(not(constant(a)))).toBe(a === "fresh" ? "stale" : "fresh");
    }
  });

  test("of nothing are an error", () => {
    expect(() => anyOf()).toThrow("anyOf() needs at least one predicate.");
    expect(() => allOf()).toThrow("allOf() needs at least one predicate.");
  });
});
