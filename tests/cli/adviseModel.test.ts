import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { callsOf } from "../../src/cli/advise/calls.js";
import { observe } from "../../src/cli/advise/observation.js";
import { predict } from "../../src/cli/advise/predict.js";
import { adviceText } from "../../src/cli/advise/report.js";
import type { Completion, LogEntry } from "../../src/cli/functionLog.js";

const WINDOW_MS = 10_000;

interface Event {
  /** In ms since the beginning. */
  at: number;
  do: "run" | "answer from the cache" | "write" | "failing write" | "act";
  name?: string;
  documents?: number;
  logLines?: string[];
}

function entry(event: Event, index: number): LogEntry {
  const { documents = 50 } = event;
  const isQuery = event.do === "run" || event.do === "answer from the cache";
  const read = isQuery ? documents : 0;
  const written = event.do.endsWith("write") ? 1 : 0;
  const completion: Completion = {
    kind: "Completion",
    udfType: isQuery ? "Query" : event.do === "act" ? "Action" : "Mutation",
    identifier: event.name ?? (isQuery ? "items:sum" : "items:add"),
    componentPath: null,
    logLines: event.logLines ?? [],
    timestamp: 1_700_000_000 + event.at / 1_000,
    requestId: String(index),
    executionId: String(index),
    cachedResult: event.do === "answer from the cache",
    caller: "SyncWorker",
    parentExecutionId: null,
    executionTime: 0.01,
    usageStats: {
      databaseReadBytes: read * 100,
      databaseReadDocuments: read,
      databaseWriteBytes: written * 100,
      databaseWriteDocuments: written,
    },
    returnBytes: 100,
    error: event.do === "failing write" ? "no" : null,
  };
  return completion;
}

function advise(events: readonly Event[]) {
  const observation = observe(callsOf(events.map(entry)), { windowMs: WINDOW_MS });
  return { observation, predictions: predict(observation, WINDOW_MS) };
}

const event = fc.record({
  at: fc.integer({ min: 0, max: 600_000 }),
  do: fc.constantFrom("run", "answer from the cache", "write", "failing write", "act"),
  name: fc.constantFrom(undefined, "a:b", "c/d:e"),
  documents: fc.integer({ min: 0, max: 500 }),
}) as fc.Arbitrary<Event>;
// Times are unique, as in the log, so that the order of entries adds no information.
const events = fc.uniqueArray(event, { minLength: 1, maxLength: 80, selector: ({ at }) => at });

/** A key that changes each second, and is read after each change. */
const busyKey = (seconds: number, documents: number): Event[] =>
  Array.from({ length: seconds }, (_, i): Event[] => [
    { at: i * 1_000, do: "write" },
    { at: i * 1_000 + 100, do: "run", documents },
  ]).flat();

describe("for any log", () => {
  test("the order of its entries does not matter", () => {
    const shuffled = events.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([all, others]) => {
        expect(advise(others)).toEqual(advise(all));
      }),
    );
  });

  test("twice the log has twice the runs and documents", () => {
    fc.assert(
      fc.property(events, (all) => {
        const later = all.map((one) => ({ ...one, at: one.at + 700_000 }));
        const once = advise(all).observation;
        const twice = advise([...all, ...later]).observation;
        expect(twice.mutations).toBe(2 * once.mutations);
        for (const { name, runs, cached, documents } of once.queries) {
          expect(twice.queries.find((query) => query.name === name)).toMatchObject({
            runs: 2 * runs,
            cached: 2 * cached,
            documents: 2 * documents,
          });
        }
      }),
    );
  });

  test("every amount is a number from 0, and the likely one lies between the least and the most", () => {
    fc.assert(
      fc.property(events, (all) => {
        const { observation, predictions } = advise(all);
        for (const { query, estimate } of predictions) {
          const { times, writes } = query.recomputes;
          for (const range of [times, writes, ...(estimate === null ? [] : [estimate.documentsSavedADay])]) {
            expect(range.fewest).toBeLessThanOrEqual(range.likely + 1e-6);
            expect(range.likely).toBeLessThanOrEqual(range.most + 1e-6);
          }
          expect(times.most).toBe(query.runs);
          const amounts = [
            times.fewest,
            writes.fewest,
            ...Object.values({ ...estimate?.nowADay, ...estimate?.withViewADay, ...estimate?.partsADay }),
          ];
          for (const amount of amounts) {
            expect(amount).toBeGreaterThanOrEqual(0);
            expect(amount).toBeLessThan(Number.POSITIVE_INFINITY);
          }
        }
        const text = adviceText(observation, predictions, { windowMs: WINDOW_MS, gaps: 0 }).join("\n");
        expect(text).not.toMatch(/NaN|Infinity|undefined/);
      }),
    );
  });

  test("there is no advice without ten runs and a write", () => {
    fc.assert(
      fc.property(events, (all) => {
        const { observation, predictions } = advise(all);
        for (const { query, verdict } of predictions) {
          if (query.runs < 10 || observation.mutations === 0) expect(verdict).toBe("unclear");
        }
      }),
    );
  });
});

describe("advice", () => {
  test("a key that changes faster than its window gains: it is computed once a window", () => {
    const [prediction] = advise(busyKey(120, 2_000)).predictions;
    expect(prediction?.verdict).toBe("gain");
    expect(prediction?.query.recomputes.times).toMatchObject({ fewest: 13, most: 120 });
  });

  test("a query that reads few documents gains nothing", () => {
    expect(advise(busyKey(120, 1)).predictions[0]?.verdict).toBe("no gain");
  });

  test("runs that read different amounts, with no write between them, have different keys", () => {
    const others = Array.from({ length: 120 }, (_, i): Event => ({ at: i * 1_000 + 200, do: "run", documents: 900 }));
    const [prediction] = advise([...busyKey(120, 300), ...others]).predictions;
    expect(prediction?.query.recomputes.times).toMatchObject({ fewest: 26, most: 240 });
  });

  test("a query without nearby writes gets no advice, however often it runs", () => {
    const runs = Array.from({ length: 100 }, (_, i): Event => ({ at: i * 1_000, do: "run" }));
    expect(advise(runs).predictions[0]).toMatchObject({ verdict: "unclear", estimate: null });
  });

  test("writes that failed, and the library's functions, count as nothing", () => {
    const library = ["recompute", "dispatch", "sweep"].map(
      (name, i): Event => ({ at: i, do: "write", name: `wiring:${name}` }),
    );
    const { observation } = advise([
      ...library,
      { at: 10, do: "run", name: "wiring:inspect" },
      { at: 20, do: "run", name: "_system/frontend:listTables" },
      { at: 30, do: "failing write" },
      { at: 40, do: "write", name: "orders:dispatch" },
      { at: 50, do: "run" },
    ]);
    expect(observation).toMatchObject({ mutations: 1, calls: 3, queries: [{ name: "items:sum" }] });
  });

  test("a query that has raised effects gets no prediction", () => {
    const seal = `[DEBUG] 'lazy-views:2:${"A".repeat(60)}'`;
    const { observation, predictions } = advise(busyKey(120, 2_000).map((each) => ({ ...each, logLines: [seal] })));
    expect(predictions).toMatchObject([{ verdict: "in use", estimate: null }]);
    const text = adviceText(observation, predictions, { windowMs: WINDOW_MS, gaps: 0 });
    expect(text.slice(-2)).toEqual([
      "These have raised effects: they read a view already, or schedule work",
      "  items:sum",
    ]);
  });

  test("many times as many documents are not shown as a percentage", () => {
    const { observation, predictions } = advise(busyKey(120, 1));
    const text = adviceText(observation, predictions, { windowMs: WINDOW_MS, gaps: 0 }).join(" ");
    expect(text).toMatch(/[\d.]+ times as\s+many/);
  });

  test("an answer from the cache has read nothing", () => {
    const { observation } = advise([
      { at: 0, do: "run", documents: 9 },
      { at: 1, do: "answer from the cache", documents: 9 },
    ]);
    expect(observation.queries).toMatchObject([{ runs: 1, cached: 1, documents: 9, bytes: 900 }]);
  });
});
