import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Effect } from "../../effects/effect.js";
import type { Explanation } from "../../views/explain.js";
import type { Completion, LogEntry } from "../functionLog.js";
import { parseKey } from "./key.js";
import { type StorySource, storyOf } from "./story.js";
import { waitsFor } from "./waits.js";

const KEY = '{"airport":"SFO"}';
/** In ms since 1970. Times in these tests count from here. */
const T = 1_700_000_000_000;

const NO_WAITS: Explanation["waits"] = {
  announcedUntil: null,
  windowEndsAt: null,
  jobAt: null,
  failure: null,
  run: null,
  isQueued: false,
};

/** The row as it was committed at `T`. */
const fresh: Explanation = {
  state: "fresh",
  computedAt: T,
  version: 1,
  asOf: T - 1,
  marked: null,
  dependsOn: [],
  over: {},
  tags: [],
  waits: NO_WAITS,
};
const stale: Explanation = {
  ...fresh,
  state: "stale",
  marked: { at: T + 1_000, by: "insert into flights", againAt: null },
};
const recomputed: Explanation = { ...fresh, computedAt: T + 3_000, asOf: T + 2_990 };

/** A call that began at a time, and took 5 ms. */
function call(
  ms: number,
  udfType: LogEntry["udfType"],
  identifier: string,
  rest: Partial<Completion> = {},
): Completion {
  return {
    kind: "Completion",
    udfType,
    identifier,
    componentPath: null,
    logLines: [],
    timestamp: (T + ms + 5) / 1_000,
    requestId: "",
    executionId: `${identifier} ${ms}`,
    cachedResult: false,
    caller: "SyncWorker",
    parentExecutionId: null,
    executionTime: 0.005,
    executionTimestamp: (T + ms) / 1_000,
    usageStats: { databaseReadBytes: 0, databaseReadDocuments: 7, databaseWriteBytes: 0, databaseWriteDocuments: 1 },
    returnBytes: null,
    error: null,
    ...rest,
  };
}

const reads = (ms: number, seal: string, identifier = "dashboard:stats") =>
  call(ms, "Query", identifier, { logLines: [`[DEBUG] 'lazy-views:2:${seal}'`] });

const asks = (airport: string, seenMs: number): Effect => ({
  target: "lazy:recompute",
  args: { view: "airportStats", args: { airport } },
  windowMs: 10_000,
  seen: BigInt(seenMs) * 1_000_000n,
});

/** From a commit through a write to the next commit, with effects of other rows and functions between. */
const entries: LogEntry[] = [
  call(0, "Mutation", "lazy:recompute", { caller: "Scheduler" }),
  reads(500, "other"),
  call(1_000, "Mutation", "flights:add"),
  reads(1_020, "own"),
  reads(1_030, "own"),
  reads(1_040, "other", "map:stats"),
  call(2_000, "Mutation", "lazy:dispatch", { caller: "Action", parentExecutionId: "route" }),
  call(2_000, "HttpAction", "POST /lazy-views/effects", { executionId: "route", caller: "HttpEndpoint" }),
  call(3_000, "Mutation", "lazy:recompute", { caller: "Scheduler" }),
];
const opened = new Map([
  ["lazy-views:2:own", [asks("SFO", T - 1)]],
  ["lazy-views:2:other", [asks("LAX", T - 1)]],
]);

const source: StorySource = {
  module: "lazy",
  view: "airportStats",
  key: KEY,
  explanations: [stale, recomputed],
  entries,
  opened,
};

const tell = (given: Partial<StorySource>) =>
  storyOf({ ...source, ...given }).map(({ at, step, text }) => `${at - T} ${step}: ${text}`);

describe("the story of a row", () => {
  test("goes from a write to the value that readers have", () => {
    expect(tell({})).toEqual([
      "1000 write: The mutation flights:add wrote: insert into flights.",
      "1000 mark: It marked the row: its readers run again, and find it stale.",
      "1025 read: The query dashboard:stats read the row, which was not fresh.",
      expect.stringMatching(/^1025 effect: It raised the row's recompute\. 1 more call did until [\d:]+\.035\.$/),
      "2005 dispatch: lazy:dispatch took effects, carried by the log stream or a relay.",
      "3000 recompute: lazy:recompute computed the value and committed it, in 5 ms, reading 7 documents.",
      "3000 fresh: The row is fresh, 2 s after the write.",
    ]);
  });

  test("of a stale row begins with its last commit", () => {
    expect(tell({ explanations: [stale], entries: entries.slice(0, 3) })).toEqual([
      "0 recompute: lazy:recompute computed the value and committed it, in 5 ms, reading 7 documents.",
      "1000 write: The mutation flights:add wrote: insert into flights.",
      "1000 mark: It marked the row: its readers run again, and find it stale.",
    ]);
  });

  test("of a fresh row begins with the readers that saw the one before, when its mark is gone", () => {
    const told = tell({ explanations: [recomputed] });
    expect(told[0]).toBe(
      "1005 write: The mutation flights:add was the last one that wrote before; it may have marked the row.",
    );
    expect(told.map((each) => each.split(":")[0])).toEqual([
      "1005 write",
      "1025 read",
      "1025 effect",
      "2005 dispatch",
      "3000 recompute",
      "3000 fresh",
    ]);
  });

  test("says what may be of the row, where seals stay sealed", () => {
    const effects = tell({ opened: null }).filter((each) => each.includes("effect:"));
    expect(effects).toEqual([
      expect.stringMatching(
        /^1025 effect: The query dashboard:stats raised effects, which may be for this row\. 1 more call did until .*\.$/,
      ),
      "1045 effect: The query map:stats raised effects, which may be for this row.",
    ]);
  });

  test("names the mutations that may have written, when more than one ran at that time", () => {
    const others = [call(999, "Mutation", "flights:import"), call(1_001, "Mutation", "flights:add")];
    expect(tell({ entries: others })[0]).toBe(
      "1000 write: A mutation wrote, one of flights:import, flights:add: insert into flights.",
    );
  });

  test("has the failure and the run that the row waits for", () => {
    const failure = { message: "No flights.", attempts: 2, failedAt: T + 3_000, retryAt: T + 5_000 };
    const run = { startedAt: T + 2_500, touchedAt: T + 2_600 };
    expect(tell({ explanations: [{ ...stale, waits: { ...NO_WAITS, failure, run } }], entries: [] }).slice(-3)).toEqual(
      [
        "2500 run: A run began to compute the value.",
        "2600 write: A source has changed during the run: the row will be marked.",
        "3000 failure: The attempt failed, number 2 in a row: No flights.",
      ],
    );
  });

  test("does not change with entries of other functions and rows", () => {
    const others = fc.oneof(
      fc.integer({ min: -9_000, max: 9_000 }).map((ms) => call(ms, "Query", "other:query")),
      fc.integer({ min: -9_000, max: 9_000 }).map((ms) => reads(ms, "other")),
      fc.integer({ min: -9_000, max: 9_000 }).map((ms) => reads(ms, "of-another-secret")),
      fc.integer({ min: 4_000, max: 9_000 }).map((ms) => call(ms, "Mutation", "other:mutation")),
    );
    fc.assert(
      fc.property(fc.array(others), (more) => {
        const mixed = [...entries, ...more].sort((a, b) => a.timestamp - b.timestamp);
        expect(tell({ entries: mixed })).toEqual(tell({}));
      }),
    );
  });
});

describe("what a row waits for", () => {
  const now = T + 10_000;
  const waits = (row: Explanation, given: Partial<StorySource> = {}) =>
    waitsFor(row, storyOf({ ...source, explanations: [row], entries: [], ...given }), now).join(" ");
  const with_ = (change: Partial<Explanation["waits"]>): Explanation => ({
    ...stale,
    waits: { ...NO_WAITS, ...change },
  });
  const failure = { message: "No flights.", attempts: 2, failedAt: T, retryAt: now + 3_000 };

  test.each<[string, Explanation, RegExp]>([
    ["nothing, when it is fresh", fresh, /^It waits for nothing/],
    [
      "a reader",
      stale,
      /^It has waited for a reader since .*: a row is recomputed only when it is read while it is stale\.$/,
    ],
    ["its first reader", { ...fresh, state: "missing", computedAt: null, asOf: null }, /first read computes it/],
    [
      "the retry of a compute that fails",
      with_({ failure }),
      /failed 2 times in a row: No flights\. The next attempt starts at .*, in 3 s/,
    ],
    [
      "a reader, when it fails for good",
      with_({ failure: { ...failure, attempts: 8 } }),
      /A reader or the heartbeat starts the next attempt, after .*, in 3 s/,
    ],
    [
      "the end of its window",
      with_({ jobAt: now + 4_000, windowEndsAt: now + 4_000 }),
      /scheduled for the end of its window: .*, in 4 s\.$/,
    ],
    [
      "a job that Convex has not started",
      with_({ jobAt: now - 10 }),
      /was scheduled for [\d:.]+, the end of its window\. Convex has not started it yet\.$/,
    ],
    ["its turn", with_({ isQueued: true }), /^It waits for its turn/],
    [
      "a run",
      with_({ run: { startedAt: now - 2_000, touchedAt: null } }),
      /^A run computes it, since .*: 2 s by now\.$/,
    ],
    [
      "what a write has scheduled",
      with_({ announcedUntil: now + 60_000 }),
      /^A write has scheduled a recompute\. .*, in 1 min\.$/,
    ],
    [
      "a reader, in the window of the recompute before",
      with_({ windowEndsAt: now + 9_000 }),
      /^It waits for a reader.* Its window is open: a recompute that a reader asks for now starts at .*, in 9 s\.$/,
    ],
  ])("is %s", (_, row, text) => {
    expect(waits(row)).toMatch(text);
  });

  test("is its job, once the effect was dispatched", () => {
    const entries = [reads(8_000, "own"), call(8_500, "Mutation", "lazy:dispatch")];
    const text = waits(with_({ windowEndsAt: now + 9_000 }), { entries });
    expect(text).toMatch(/^A recompute was dispatched and starts at once\./);
  });

  test("is the dispatch of an effect, or what heals a lost one", () => {
    expect(waits(stale, { entries: [reads(8_000, "own")] })).toBe(
      "It waits for the effect to be dispatched, which was raised 2 s ago.",
    );
    const later = storyOf({ ...source, explanations: [stale], entries: [reads(8_000, "own")] });
    expect(waitsFor(stale, later, now + 120_000)[0]).toMatch(/^The effect that was raised 2 min ago .* seems lost/);
  });
});

describe("a key", () => {
  test.each([
    [['{"airport":"SFO"}'], '{"airport":"SFO"}'],
    [["airport=SFO"], '{"airport":"SFO"}'],
    [
      ["year=2024", 'code="42"', "isOpen=true", "name=Île de Ré"],
      '{"code":"42","isOpen":true,"name":"Île de Ré","year":2024}',
    ],
    [['{"n":{"$integer":"KgAAAAAAAAA="}}'], '{"n":{"$integer":"42"}}'],
    [["{}"], "{}"],
  ])("is read from %j", (words, text) => {
    expect(parseKey(words).text).toBe(text);
  });

  test.each([
    [['{"airport":'], /is not JSON/],
    [["SFO"], /"SFO" is no part of a key\. Give the key as JSON, '{"airport":"SFO"}', or as airport=SFO\./],
    [['{"$airport":1}'], /is not a Convex value/],
  ])("is not read from %j", (words, message) => {
    expect(() => parseKey(words)).toThrow(message);
  });
});
