import type { InspectReport } from "../../app/inspect.js";
import type { Rate } from "./rates.js";
import type { Snapshot, ViewLine } from "./table.js";

type ViewReport = InspectReport["views"][string];

/** The report of `inspect` at a time, and the recomputes of the last minute, if the log shows them. */
export function snapshotOf(
  { problems, views }: Pick<InspectReport, "problems" | "views">,
  lastMinute: Rate | null,
  now: number,
): Snapshot {
  const reports = Object.entries(views);
  // The log does not say which view a recompute was for. If only one view has any, it has them all.
  const active = reports.filter(([, { recomputed, failures, more }]) => recomputed > 0 || failures.length > 0 || more);
  const only = active.length === 1 ? active[0]?.[0] : undefined;
  const lines = reports.map(([view, report]): ViewLine => {
    const documents = view === only ? (lastMinute?.documents ?? null) : null;
    return { ...toLine(report, now), view, documents };
  });
  return { at: now, views: lines, lastMinute, problems: problems.length };
}

function toLine(report: ViewReport, now: number): Omit<ViewLine, "view" | "documents"> {
  const { rows, stale, more, recomputed, failures, staleSince, windowMs, ageMs } = report;
  const staleForMs = staleSince === null ? null : Math.max(0, now - staleSince);
  return { rows, stale, hasMore: more, failing: failures.length, recomputed, staleForMs, windowMs, ageMs };
}
