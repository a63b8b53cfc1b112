import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { FreshnessBadge } from "../shared/FreshnessBadge";
import { AddFlights } from "./AddFlights";
import { Histogram } from "./Histogram";
import { Metrics } from "./Metrics";
import { RouteBars } from "./RouteBars";
import type { Airport } from "./stats";
import { usePreviousVersion } from "./usePreviousVersion";
import { Why } from "./Why";

interface Props {
  airport: Airport;
  /** The destination of added flights, until the busiest route is known. */
  fallbackDestination?: string | undefined;
}

/** One row of the view, live. */
export function AirportCard({ airport, fallbackDestination }: Props) {
  const stats = useQuery(api.rollups.dashboard.stats, { airport: airport.code });
  const previous = usePreviousVersion(stats);
  const value = stats?.value ?? null;
  const destination = value?.routes[0]?.airport ?? fallbackDestination;

  return (
    <article className="card" data-state={stats?.state ?? "loading"} aria-labelledby={`${airport.code}-name`}>
      {previous && <span key={stats?.computedAt} className="card__glow" aria-hidden="true" />}
      <header className="card__header">
        <h2 id={`${airport.code}-name`}>
          <span className="card__code">{airport.code}</span> <span>{airport.city}</span>
        </h2>
        <p className="card__name">{airport.name}</p>
        <FreshnessBadge row={stats} />
      </header>
      {value ? (
        <>
          <Metrics value={value} previous={previous} />
          <div className="card__charts">
            <Histogram bins={value.histogram} />
            <RouteBars routes={value.routes} />
          </div>
        </>
      ) : (
        <p className="card__empty">{stats && "No value yet. This read has asked for one."}</p>
      )}
      <Why airport={airport.code} />
      {destination && <AddFlights origin={airport.code} destination={destination} />}
    </article>
  );
}
