import { describe, expect, test, vi } from "vitest";
import type { Completion, LogEntry } from "../functionLog.js";
import { Rates } from "./rates.js";
import { Screen } from "./screen.js";
import { snapshotOf } from "./snapshot.js";
import { align, cellsOf, lineOf, type Snapshot, totalText } from "./table.js";

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
  const view = {
    rows: 12,
    stale: 0,
    staleSince: null,
    recomputed: 0,
    more: false,
    windowMs: 10_000,
    ageMs: null,
    failures: [],
  };
  const failure = { key: null, message: "", attempts: 1, failedAt: NOW, retryAt: NOW };
  const views = {
    stats: { ...view, stale: 1, staleSince: NOW - 12_000, recomputed: 2 },
    network: { ...view, ageMs: 300_000 },
  };
  const rate = { recomputes: 2, documents: 14 };
  const snapshot = snapshotOf({ problems: ["A problem."], views }, rate, NOW);

  test("has a line for each view", () => {
    expect(align(cellsOf(snapshot).map(({ cells }) => cells))).toEqual([
      "view     rows  stale  failing  recomputed/min  docs/min  stale for  window",
      "stats      12      1        0               2        14       12 s  10 s",
      "network    12      0        0               0         -          -  10 s, age 5 min",
    ]);
    expect(cellsOf(snapshot).map(({ mood }) => mood)).toEqual(["heading", "stale", "good"]);
  });

  test("does not say which view has read documents, where it may be one of several", () => {
    const movies = { ...view, rows: 1_000, more: true, failures: [failure] };
    const cells = cellsOf(snapshotOf({ problems: [], views: { ...views, movies } }, rate, NOW));
    expect(cells.map((each) => each.cells[5])).toEqual(["docs/min", "-", "-", "-"]);
    expect(cells[3]).toEqual({ cells: ["movies", "1000+", "0+", "1", "0+", "-", "-", "10 s"], mood: "bad" });
  });

  test("adds up all views, and counts problems", () => {
    expect(totalText(snapshot)).toBe(
      "All views: 2 recomputes a minute, reading 14 documents. Problems: 1; see npx convex-lazy-views doctor.",
    );
    expect(totalText({ ...snapshot, problems: 0, lastMinute: null })).toMatch(/is not known yet\.$/);
  });

  test("is one line without a terminal", () => {
    expect(lineOf(snapshot)).toMatch(
      /^\d\d:\d\d:\d\d stats 12 rows, 1 stale, 0 failing, 2 recomputed; network 12 rows, 0 stale, .*\. All views: 2 /,
    );
  });

  describe("on a terminal", () => {
    /** What a screen of so many lines is sent, each time. */
    function drawn(lines: number, count: number, ...snapshots: Snapshot[]): string[] {
      const { stdout } = process;
      const written: string[] = [];
      vi.spyOn(stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
      const terminal = { isTTY: true, rows: lines, columns: 60 };
      const before = Object.fromEntries(Object.keys(terminal).map((name) => [name, Reflect.get(stdout, name)]));
      Object.assign(stdout, terminal);
      const screen = new Screen();
      for (const each of snapshots) screen.draw(each);
      Object.assign(stdout, before);
      vi.restoreAllMocks();
      expect(written).toHaveLength(count);
      return written;
    }

    test("is drawn in the same place, and no line wraps", () => {
      const [first = "", back, again] = drawn(24, 3, snapshot, snapshot);
      expect(first.split("\n")).toHaveLength(5);
      expect(Math.max(...first.split("\n").map(({ length }) => length))).toBe(59);
      expect([back, again]).toEqual(["\x1b[4A\x1b[0J", first]);
    });

    test("shows as many views as fit, and says how many do not", () => {
      const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`view${i}`, view]));
      const [text = ""] = drawn(10, 1, snapshotOf({ problems: [], views: many }, rate, NOW));
      expect(text).toContain("view3");
      expect(text).not.toContain("view4");
      expect(text).toContain("… and 5 more views");
    });
  });
});
