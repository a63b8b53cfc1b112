import { type FreshnessRead, useFreshness } from "convex-lazy-views/react";
import { Badge } from "./Badge";

const labels: Record<FreshnessRead["state"], string> = {
  fresh: "fresh",
  stale: "stale · recomputing",
  expired: "expired · recomputing",
  missing: "missing · computing",
};

/** The state of a row, and the age of its value. */
export function FreshnessBadge({ row }: { row: FreshnessRead | undefined }) {
  const { state, ago } = useFreshness(row);
  return (
    <div className="freshness">
      <Badge state={state ?? "loading"}>{state ? labels[state] : "loading"}</Badge>
      {ago && <span className="freshness__age">computed {ago}</span>}
    </div>
  );
}
