import { expect, test } from "vitest";
import type { InspectReport } from "../../app/inspect.js";
import { type Finding, Findings, oneLine } from "./findings.js";
import { lookAtReport } from "./report.js";
import { lookAtRelay } from "./transports.js";
import { lookAtPrevious } from "./variables.js";

const HOUR = 3_600_000;
const NOW = 100 * HOUR;

/** What is found by a step. */
function found(step: (findings: Findings) => void): Finding[] {
  const findings = new Findings({ finding: () => {}, note: () => {} });
  step(findings);
  return findings.all;
}

const COUNTS = { rows: 0, stale: 0, staleSince: null, recomputed: 0, more: false, windowMs: 1, ageMs: null };

const REPORT: InspectReport = {
  problems: [],
  uncovered: [],
  stream: null,
  tail: null,
  views: {},
  ledger: { entries: 0, more: false, failures: [] },
};

const look = (report: Partial<InspectReport>) =>
  found((findings) =>
    lookAtReport(findings, { ...REPORT, ...report }, { push: "push", isKnown: (each) => each === "known" }),
  );

test("a problem of inspect gets what mends it, unless its sentence names the command", () => {
  const problems = [
    "convex/schema.ts must have defineSchema({ …, ...lazyTables }). (no such table)",
    "The canary did not come back. The log stream is deleted.",
    "known",
    "Not checked yet: sweep; run npx convex run lazy:heartbeat.",
    "A sentence of a later release.",
    "LAZY_VIEWS_SECRET is not set. Run: npx convex-lazy-views connect",
  ];
  const connect = "npx convex-lazy-views connect";
  expect(look({ problems }).map(({ fix }) => fix)).toEqual(["push", connect, null, null, connect]);
  expect(look({ problems }).at(-1)?.what).toBe("LAZY_VIEWS_SECRET is not set.");
});

test("what comes of a problem is judged when that problem is known", () => {
  const problems = ["LAZY_VIEWS_SECRET is not set.", "Still being checked: the canary is on its way."];
  const all = found((findings) =>
    lookAtReport(findings, { ...REPORT, problems }, { push: "", isKnown: () => findings.count("problem") > 0 }),
  );
  expect(all.map(({ what }) => what)).toEqual(problems.slice(0, 1));
});

test("a view whose compute fails is named once, with the command that says why", () => {
  const failure = { key: { id: 1 }, message: "no", attempts: 2, failedAt: NOW, retryAt: NOW };
  const views = { stats: { ...COUNTS, failures: [failure, failure] } };
  expect(look({ views })).toEqual([
    {
      level: "advice",
      what: 'view "stats": its compute fails for {"id":1} and 1 more: no',
      fix: `npx convex-lazy-views why stats '{"id":1}'`,
    },
  ]);
  const problems = ['view "stats": its compute failed 8 times or more for 2 key(s), such as {"id":1}: no'];
  expect(look({ views, problems }).map(({ level }) => level)).toEqual(["problem"]);
});

test("a function log that nearly wraps round", () => {
  const tail = { runningSince: null, readUntil: null, wrappedAt: null, problem: null, retryAt: null };
  expect(look({ tail: { ...tail, mostEntries: 650 } })).toEqual([]);
  expect(look({ tail: { ...tail, mostEntries: 800 } })).toMatchObject([
    { level: "advice", what: expect.stringContaining("Up to 800 executions") },
  ]);
});

test("a stream's secret without a stream is right where an effect has just arrived, by a relay", () => {
  const url = "http://127.0.0.1:1";
  const deployment = { url, siteUrl: url, key: "key", describe: url, kind: "self-hosted", env: {}, args: [] } as const;
  const levels = (["now", "before", "never"] as const).map((arrived) =>
    found((findings) => lookAtRelay({ findings, deployment: { ...deployment, args: [] } }, arrived)).map(
      ({ level }) => level,
    ),
  );
  expect(levels).toEqual([["ok"], ["advice"], ["problem"]]);
});

test("a secret of a rotation that is over", () => {
  const previous = (created?: number) =>
    found((findings) => {
      const variable = { name: "LAZY_VIEWS_SECRET_PREVIOUS", value: "x" };
      lookAtPrevious(findings, [created === undefined ? variable : { ...variable, _creationTime: created }], NOW);
    });
  expect(previous(NOW - 50 * HOUR)).toMatchObject([
    {
      level: "advice",
      what: expect.stringContaining("for 50 h"),
      fix: "npx convex env remove LAZY_VIEWS_SECRET_PREVIOUS",
    },
  ]);
  expect(previous(NOW - HOUR / 2)).toMatchObject([{ level: "ok" }]);
  expect(previous()).toMatchObject([{ level: "advice" }]);
});

test("an error of a function is told in one line, without its stack", () => {
  const message =
    'npx convex run failed:\n✖ Failed to run function "lazy:inspect":\nError: [Request ID: 1] Server Error\nUncaught Error: it is so\n    at handler (../convex/lazy.ts:1:1)';
  expect(oneLine(message)).toBe("it is so");
  expect(oneLine("No deployment\n  is here.")).toBe("No deployment is here.");
});
