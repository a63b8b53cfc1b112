import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { FreshnessBadge } from "../shared/FreshnessBadge";
import { wholeNumber } from "../shared/format";
import { Metric } from "../shared/Metric";

const NOT_KNOWN = "–";

/** How often a document was viewed, over all people: a row of a lazy view. */
export function DocumentStats({ doc }: { doc: Id<"docs"> }) {
  const row = useQuery(api.tracking.docs.stats, { doc });
  const number = (of: number | undefined) => (of === undefined ? NOT_KNOWN : wholeNumber(of));
  return (
    <div className="document__stats">
      <dl className="metrics">
        <Metric name="views" text={number(row?.value?.views)} />
        <Metric name="viewers" text={number(row?.value?.viewers)} />
      </dl>
      <FreshnessBadge row={row} />
    </div>
  );
}
