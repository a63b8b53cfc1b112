import { type GenericDataModel, type GenericMutationCtx, makeFunctionReference, mutationGeneric } from "convex/server";
import { convexTest } from "convex-test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { deploy, schema } from "../../bench/costs/app";
import { type Answer, clairvoyant } from "../../bench/costs/bound";
import { compileStrategies } from "../../bench/costs/isolates";
import { invalidateRows } from "../../bench/costs/mass";
import { meteredBackend } from "../../bench/costs/meteredBackend";
import { ENV, play } from "../../bench/costs/player";
import { CONTENDED, makeWorkload, mixOf } from "../../bench/costs/scenarios";
import { strategy } from "../../bench/costs/strategies";
import { Truth } from "../../bench/costs/truth";
import { digest } from "../../bench/costs/workload";
import { testedModules } from "../simulation/testedModules.js";

describe("the clairvoyant bound", () => {
  const KEY = "a";
  /** The versions of the key after writes at these times. */
  function truthOf(writes: readonly number[]): Truth {
    const truth = new Truth();
    for (const at of [0, ...writes]) {
      const after = { _id: "1", _creationTime: at, key: KEY, amount: 1 };
      truth.onCommit([{ id: "1", table: "items", before: null, after }], at);
    }
    return truth;
  }
  const bound = (truth: Truth, answers: readonly Answer[], promiseMs: number) =>
    clairvoyant(truth, answers, { promiseMs, since: 0 });

  test("needs a recompute for each read after a change, when answers must be current", () => {
    const answers = [1, 3, 4, 6].map((at) => ({ key: KEY, at, staleMs: 0 }));
    expect(bound(truthOf([2, 5]), answers, 0)).toEqual({ recomputes: 2, documents: 2 + 3 });
  });

  test("needs none when reads may be as stale as they were", () => {
    const answers = [{ key: KEY, at: 9, staleMs: 7 }];
    expect(bound(truthOf([2, 5]), answers, 0).recomputes).toBe(0);
    expect(bound(truthOf([2, 5]), answers, 100).recomputes).toBe(0);
  });

  test("is the minimum: no choice of times serves the reads with fewer recomputes", () => {
    const times = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 5 });
    fc.assert(
      fc.property(times, times, fc.integer({ min: 0, max: 4 }), (writes, reads, promiseMs) => {
        const sorted = writes.toSorted((a, b) => a - b);
        const truth = truthOf(sorted);
        const answers = reads.map((at) => ({ key: KEY, at, staleMs: 0 }));
        // A read gets the value of the last recompute before it, or the initial value.
        const isServed = (at: number, recomputes: readonly number[]) => {
          const last = Math.max(0, ...recomputes.filter((time) => time <= at));
          const outdatedAt = sorted.find((write) => write > last) ?? Number.POSITIVE_INFINITY;
          return at - outdatedAt <= promiseMs;
        };
        const choices = (from: readonly number[]): number[][] => {
          const [first, ...rest] = from;
          if (first === undefined) return [[]];
          return choices(rest).flatMap((times) => [times, [first, ...times]]);
        };
        const fewest = Math.min(
          ...choices(reads)
            .filter((recomputes) => reads.every((at) => isServed(at, recomputes)))
            .map(({ length }) => length),
        );
        expect(bound(truth, answers, promiseMs).recomputes).toBe(fewest);
      }),
    );
  });
});

test("workloads are unchanged since the figures of the documentation were measured", () => {
  expect(
    [mixOf(1), mixOf(0.01), CONTENDED, { kind: "bursts" as const }].map((name) => digest(makeWorkload(name))),
  ).toMatchInlineSnapshot(`
    [
      "8d8fbac935abc312",
      "12ae4ac58dda7432",
      "97e9eca81be4a821",
      "d644c6d560381ce0",
    ]
  `);
});

// Except for bytes: ids are longer in convex-test.
describe("the meter agrees with convex-test", () => {
  beforeEach(() => {
    vi.stubEnv("LAZY_VIEWS_SECRET", ENV.LAZY_VIEWS_SECRET);
    vi.spyOn(console, "debug").mockReturnValue();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const CALLS: { path: string; args: Record<string, unknown> }[] = [
    { path: "app:add", args: { key: "a", amount: 1 } },
    { path: "app:add", args: { key: "a", amount: 2 } },
    { path: "prepare", args: { key: "a" } },
    { path: "app:read", args: { key: "a" } },
    { path: "app:correct", args: { key: "a", amount: 3 } },
    { path: "app:add", args: { key: "a", amount: 4 } },
    { path: "app:read", args: { key: "a" } },
    { path: "prepare", args: { key: "a" } },
    { path: "app:correct", args: { key: "a", amount: 5 } },
  ];

  const attemptOf = (args: Record<string, unknown>) => ({
    path: "lazy:recompute",
    args: { job: { kind: "attempt", view: "totals", args } },
  });

  test.each([
    "inQuery",
    "triggerCounter",
    "triggerRecompute",
    "roundTrip",
    "lazy",
    "lazyTracked",
    "lazyApplied",
    "lazyProbed",
    "lazyAged",
    "lazyComputed",
    "lazyTagged",
  ] as const)("about every function of %s", async (name) => {
    const isLazy = name.startsWith("lazy");
    const calls = CALLS.map((call) =>
      call.path !== "prepare" ? call : isLazy ? attemptOf(call.args) : { path: "app:prepare", args: call.args },
    ).filter(({ path }) => path !== "app:prepare" || name !== "inQuery");

    const { functions } = deploy({ strategy: name });
    const t = convexTest({ schema, modules: testedModules({ ...functions, "meter:used": used }) });
    const { backend, clock, meter } = meteredBackend(name, await compileStrategies());
    meter.start();

    for (const { path, args } of calls) {
      const isQuery = path === "app:read";
      const tested = await t.mutation(makeFunctionReference<"mutation">("meter:used"), {
        path,
        args,
        isQuery,
      });
      const before = { ...meter.amounts };
      const run: Promise<unknown> = isQuery
        ? backend.query(path, args as never)
        : backend.mutation(path, args as never);
      await clock.passUntil(run);
      const { documentsRead, documentsWritten, indexRanges } = meter.amounts;
      expect(
        {
          documentsRead: documentsRead - before.documentsRead,
          documentsWritten: documentsWritten - before.documentsWritten,
          indexRanges: indexRanges - before.indexRanges,
        },
        path,
      ).toEqual(tested);
    }
  });
});

/** Runs a function in its own transaction, and returns the metrics. */
const used = mutationGeneric({
  handler: async (
    ctx: GenericMutationCtx<GenericDataModel>,
    { path, args, isQuery }: { path: string; args: Record<string, unknown>; isQuery: boolean },
  ) => {
    if (isQuery) await ctx.runQuery(makeFunctionReference<"query">(path), args);
    else await ctx.runMutation(makeFunctionReference<"mutation">(path), args);
    const metrics = await ctx.meta.getTransactionMetrics();
    return {
      documentsRead: metrics.documentsRead.used,
      documentsWritten: metrics.documentsWritten.used,
      indexRanges: metrics.databaseQueries.used,
    };
  },
});

test("one written document invalidates the rows of a tag, and readers see it", async () => {
  expect(await invalidateRows(5_000, await compileStrategies())).toEqual({
    rows: 5_000,
    documentsRead: 0,
    documentsWritten: 1,
  });
});

test("the same workload takes exactly the same number of documents", async () => {
  const workload = makeWorkload({ ...mixOf(1), keys: 5, events: 100 });
  const [first, second] = await Promise.all(
    [0, 1].map(async () => play(strategy("lazy"), workload, await compileStrategies())),
  );
  expect(first).toEqual(second);
  expect(first?.amounts.documentsRead).toBeGreaterThan(0);
});
