import type { InspectReport } from "../../app/inspect.js";
import type { Rates } from "./rates.js";
import type { Snapshot, ViewLine } from "./table.js";

/** What `inspect` says of one view; a deployment of an earlier release leaves out what is optional. */
export type ViewReport = InspectReport["views"][string] & {
  /** Since when the row is not fresh that is longest so, in ms since 1970. */
  staleSince?: number | null;
  /** When rows were committed in the last minute, in ms since 1970. */
  computedAt?: number[];
  windowMs?: number;
};

/** What `inspect` and the log say, at a time. */
export function snapshotOf(report: Pick<InspectReport, "problems" | "views">, rates: Rates, now: number): Snapshot {
  const reports = Object.entries(report.views as Record<string, ViewReport>);
  for (const [view, { computedAt = [] }] of reports) rates.attribute(view, computedAt);
  const views = reports.map(([view, each]) => toLine(view, each, rates, now));
  return { at: now, views, lastMinute: rates.lastMinute(now), problems: report.problems.length };
}

function toLine(view: string, report: ViewReport, rates: Rates, now: number): ViewLine {
  const { rows, stale, more, failures, staleSince = null, computedAt, windowMs = null } = report;
  return {
    view,
    rows,
    stale,
    failing: failures.length,
    hasMore: more,
    lastMinute: computedAt === undefined ? null : rates.lastMinute(now, view),
    staleForMs: staleSince === null ? null : now - staleSince,
    committedAgoMs: computedAt?.length ? now - Math.max(...computedAt) : null,
    targetMs: windowMs,
  };
}
