import { Badge } from "./Badge";
import { ago } from "./format";
import { useNow } from "./useNow";

/** What a read of a view's row tells about it. */
export interface Freshness {
  state: "fresh" | "stale" | "expired" | "missing";
  computedAt: number | null;
}

const labels: Record<Freshness["state"], string> = {
  fresh: "fresh",
  stale: "stale · recomputing",
  expired: "expired · recomputing",
  missing: "missing · computing",
};

/** What the read found, and how old the value is. */
export function FreshnessBadge({ row }: { row: Freshness | undefined }) {
  const now = useNow();
  return (
    <div className="freshness">
      <Badge state={row?.state ?? "loading"}>{row ? labels[row.state] : "loading"}</Badge>
      {row?.computedAt != null && <span className="freshness__age">computed {ago(now - row.computedAt)}</span>}
    </div>
  );
}
