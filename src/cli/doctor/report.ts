import type { InspectReport } from "../../app/inspect.js";
import { LOG_SIZE } from "../../effects/transports/functionLog.js";
import type { Findings } from "./findings.js";

/** With more entries between two polls, the log comes close to losing some. */
const NEARLY_FULL = 0.7 * LOG_SIZE;

/** What mends a problem that `inspect` reports, if its sentence does not name a command. */
const FIXES: [problem: RegExp, fix: (push: string) => string][] = [
  [/must have|must call|was not found|If 404/, (push) => push],
  [/canary did not come back|log stream delivers other topics/, () => "npx convex-lazy-views connect"],
  [/^Still being checked/, () => "npx convex-lazy-views doctor"],
  [/^view "/, () => "npx convex-lazy-views why <view> <key>"],
];

/** Turns the report of `inspect` into findings. @param isKnown - Whether a problem is among the findings already. */
export function lookAtReport(
  findings: Findings,
  report: InspectReport,
  { push, isKnown }: { push: string; isKnown: (problem: string) => boolean },
): void {
  const { problems, uncovered, views, ledger, tail } = report;
  for (const problem of problems) {
    if (isKnown(problem)) continue;
    // Some sentences end with their command.
    const [, what, command] = /^(.*) Run: (npx .*)$/s.exec(problem) ?? [];
    const fix = FIXES.find(([pattern]) => pattern.test(problem))?.[1];
    if (what && command) findings.problem(what, command);
    else findings.problem(problem, problem.includes("npx ") ? null : (fix?.(push) ?? null));
  }
  for (const sentence of uncovered) findings.advice(sentence);
  for (const [name, { rows, stale, more, failures }] of Object.entries(views)) {
    const [last] = failures;
    if (last) {
      const key = JSON.stringify(last.key);
      const others = failures.length === 1 ? "" : ` and ${failures.length - 1} more`;
      const isReported = problems.some((problem) => problem.startsWith(`view "${name}"`));
      const what = `view "${name}": its compute fails for ${key}${others}: ${last.message}`;
      if (!isReported) findings.advice(what, `npx convex-lazy-views why ${name} '${key}'`);
    }
    findings.note(`view "${name}": ${more ? "at least " : ""}${rows} rows, ${stale} of them stale`);
  }
  for (const { target, key, message, attempts } of ledger.failures) {
    findings.advice(`The effect ${target} fails for ${JSON.stringify(key)}, ${attempts} times in a row: ${message}`);
  }
  if (tail && tail.mostEntries >= NEARLY_FULL && tail.mostEntries < LOG_SIZE) {
    findings.advice(
      `Up to ${tail.mostEntries} executions end between two polls of the function log, which keeps ${LOG_SIZE}: ` +
        "with more, effects would be lost.",
      "npx convex-lazy-views connect --transport logStream",
    );
  }
  findings.note(`The ledger has ${ledger.more ? "at least " : ""}${ledger.entries} entries.`);
}
