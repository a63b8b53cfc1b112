import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { FreshnessBadge } from "../shared/FreshnessBadge";
import { signedNumber, wholeNumber } from "../shared/format";
import { Metric } from "../shared/Metric";
import { change, moreOrFewer } from "./change";
import { usePreviousVersion } from "./usePreviousVersion";

const NOT_KNOWN = "–";

/** The whole network in one row. The view computes it from the aggregate component. */
export function NetworkCard() {
  const row = useQuery(api.rollups.dashboard.network, {});
  const previous = usePreviousVersion(row);
  const value = row?.value;
  const minutes = (of: number | null | undefined) =>
    of == null ? { text: NOT_KNOWN } : { text: signedNumber(of), unit: "min" };

  return (
    <article className="card network" data-state={row?.state ?? "loading"} aria-labelledby="network-name">
      {previous && <span key={row?.computedAt} className="card__glow" aria-hidden="true" />}
      <header className="card__header">
        <h2 id="network-name">All airports</h2>
        <p className="card__name">from an aggregate</p>
      </header>
      <dl className="metrics network__metrics">
        <Metric
          name="flights"
          text={value ? wholeNumber(value.flights) : NOT_KNOWN}
          change={change(value?.flights ?? 0, previous?.flights, moreOrFewer)}
        />
        <Metric name="mean delay" {...minutes(value?.meanDelay)} />
        <Metric name="median" {...minutes(value?.median)} />
        <Metric name="95th percentile" {...minutes(value?.p95)} />
        <Metric name="worst" {...minutes(value?.worst)} />
      </dl>
      <FreshnessBadge row={row} />
    </article>
  );
}
