import { ago } from "./format";
import type { Stats } from "./stats";
import { useNow } from "./useNow";

const labels: Record<Stats["state"], string> = {
  fresh: "fresh",
  stale: "stale · recomputing",
  expired: "expired · recomputing",
  missing: "missing · computing",
};

/** What the read found, and how old the value is. */
export function FreshnessBadge({ stats }: { stats: Stats | undefined }) {
  const now = useNow();
  return (
    <div className="freshness">
      <span className="badge" data-state={stats?.state ?? "loading"}>
        {stats ? labels[stats.state] : "loading"}
      </span>
      {stats?.computedAt != null && (
        <span className="freshness__age">computed {ago(now - stats.computedAt)}</span>
      )}
    </div>
  );
}
