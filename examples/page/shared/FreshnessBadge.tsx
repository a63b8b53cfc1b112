import { type FreshnessRead, useFreshness } from "convex-lazy-views/react";
import { Badge } from "./Badge";

const labels: Record<FreshnessRead["state"], string> = {
  fresh: "fresh",
  stale: "stale · recomputing",
  expired: "expired · recomputing",
  missing: "missing · computing",
};

/** What the read found, and how old the value is. */
export function FreshnessBadge({ row }: { row: FreshnessRead | undefined }) {
  const { state, ago } = useFreshness(row);
  return (
    <div className="freshness">
      <Badge state={state ?? "loading"}>{state ? labels[state] : "loading"}</Badge>
      {ago && <span className="freshness__age">computed {ago}</span>}
    </div>
  );
}
