import { describe, expect, test } from "vitest";
import type { Completion, LogEntry } from "../functionLog.js";
import { Rates } from "./rates.js";
import { snapshotOf, type ViewReport } from "./snapshot.js";
import { ageText, align, cellsOf, lineOf, totalText } from "./table.js";

/** In ms since 1970. */
const NOW = 1_700_000_000_000;

/** A recompute that ended a while ago, took 5 ms, and read 7 documents. */
function recompute(agoMs: number, rest: Partial<Completion> = {}): Completion {
  return {
    kind: "Completion",
    udfType: "Mutation",
    identifier: "lazy:recompute",
    componentPath: null,
    logLines: [],
    timestamp: (NOW - agoMs) / 1_000,
    requestId: "",
    executionId: String(agoMs),
    cachedResult: false,
    caller: "Scheduler",
    parentExecutionId: null,
    executionTime: 0.005,
    executionTimestamp: (NOW - agoMs - 5) / 1_000,
    usageStats: { databaseReadBytes: 0, databaseReadDocuments: 7, databaseWriteBytes: 0, databaseWriteDocuments: 1 },
    returnBytes: null,
    error: null,
    ...rest,
  };
}

/** What is known after these pages of the log. */
function ratesOf(...pages: LogEntry[][]): Rates {
  const rates = new Rates("lazy");
  for (const entries of pages) rates.add({ entries, gap: null });
  return rates;
}

describe("recomputes of the last minute", () => {
  test("are the scheduled calls of recompute, with the documents that they read", () => {
    const others = [
      recompute(100, { caller: "Action" }), // The heartbeat's.
      recompute(100, { identifier: "flights:add" }),
      recompute(61_000),
    ];
    const rates = ratesOf([recompute(59_000)], [recompute(1_000), ...others]);
    expect(rates.lastMinute(NOW)).toEqual({ recomputes: 2, documents: 14 });
    expect(rates.lastMinute(NOW + 30_000)).toEqual({ recomputes: 1, documents: 7 });
  });

  test("are of the view whose row was committed while they ran", () => {
    const rates = ratesOf([recompute(3_000), recompute(2_000), recompute(1_000)]);
    rates.attribute("stats", [NOW - 3_004, NOW - 1_005]);
    expect(rates.lastMinute(NOW, "stats")).toEqual({ recomputes: 2, documents: 14 });
    expect(rates.lastMinute(NOW, "other")).toEqual({ recomputes: 0, documents: 0 });
  });

  test("are scaled where a full log goes back less than a minute, and unknown where it goes back a moment", () => {
    const full = Array.from({ length: 1_000 }, (_, i) =>
      recompute(20_000, { executionId: String(i), identifier: "a:b" }),
    );
    const rates = ratesOf([...full, recompute(1_000)]);
    expect(rates.lastMinute(NOW)).toEqual({ recomputes: 3, documents: 21 });
    expect(rates.lastMinute(NOW - 18_000)).toBeNull();
  });

  test("are unknown after a gap, for some seconds", () => {
    const rates = ratesOf([recompute(50_000)]);
    rates.add({ entries: [recompute(2_000)], gap: "overflow" });
    expect(rates.lastMinute(NOW)).toBeNull();
    expect(rates.lastMinute(NOW + 8_000)).toEqual({ recomputes: 6, documents: 42 });
  });
});

describe("the table", () => {
  const report: ViewReport = { rows: 12, stale: 0, more: false, failures: [] };
  const failure = { key: null, message: "", attempts: 1, failedAt: NOW, retryAt: NOW };
  const views: Record<string, ViewReport> = {
    stats: { ...report, stale: 1, staleSince: NOW - 12_000, computedAt: [NOW - 1_005], windowMs: 10_000 },
    movies: { ...report, rows: 1_000, more: true, failures: [failure], computedAt: [] },
    old: report,
  };
  const snapshot = snapshotOf({ problems: ["A problem."], views }, ratesOf([recompute(1_000), recompute(2_000)]), NOW);

  test("has a line for each view, and says nothing of what is not known", () => {
    expect(align(cellsOf(snapshot).map(({ cells }) => cells))).toEqual([
      "view     rows  stale  failing  recomputes/min  documents/min  age",
      "stats      12      1        0               1              7  stale for 12 s (window 10 s)",
      "movies  1000+     0+        1               0              0  -",
      "old        12      0        0               -              -  -",
    ]);
    expect(cellsOf(snapshot).map(({ mood }) => mood)).toEqual(["heading", "stale", "bad", "good"]);
  });

  test("says when a row was committed, where none is stale", () => {
    const [line] = snapshotOf(
      { problems: [], views: { a: { ...report, computedAt: [NOW - 3_000] } } },
      ratesOf(),
      NOW,
    ).views;
    expect(line && ageText(line)).toBe("committed 3.0 s ago");
  });

  test("adds up all views, and counts problems", () => {
    expect(totalText(snapshot)).toBe(
      "In the last minute 2 recomputes read 14 documents. Problems: 1; see npx convex-lazy-views doctor.",
    );
    expect(totalText({ ...snapshot, problems: 0, lastMinute: null })).toMatch(/is not known yet\.$/);
  });

  test("is one line without a terminal", () => {
    expect(lineOf(snapshot)).toMatch(
      /^\d\d:\d\d:\d\d stats 12 rows, 1 stale, 0 failing, 1 recomputes\/min; movies 1000\+ rows, 0\+ stale, 1 failing, .*; old 12 rows, 0 stale, 0 failing\. In the last minute/,
    );
  });
});
