import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../convex/_generated/api";
import { AirportCard } from "./AirportCard";
import { AirportChips } from "./AirportChips";
import { Notice } from "./Notice";
import { Timeline } from "./Timeline";
import { useStory } from "./useStory";

const CHOSEN_AT_FIRST = 4;

/** The dashboard of one deployment. */
export function App({ deployment }: { deployment: string }) {
  const airports = useQuery(api.dashboard.airports, {});
  const [choice, setChoice] = useState<string[]>();
  const trace = useStory(deployment);

  const chosen = choice ?? airports?.slice(0, CHOSEN_AT_FIRST).map(({ code }) => code) ?? [];
  const toggle = (code: string) =>
    setChoice(chosen.includes(code) ? chosen.filter((each) => each !== code) : [...chosen, code]);

  return (
    <div className="page">
      <header className="masthead">
        <p className="masthead__product">convex-lazy-views</p>
        <h1>Flight delays, computed when somebody looks</h1>
        <p className="masthead__lead">
          Each card subscribes to a query that reads one row of a materialized view over real US
          flights. When the row is stale, the query serves the old value at once and raises an
          effect that has it recomputed: no client code, no cron, no work for rows nobody reads.
        </p>
      </header>

      {airports && <AirportChips airports={airports} chosen={chosen} onToggle={toggle} />}

      <main className={trace.status === "absent" ? "content content--wide" : "content"}>
        <section className="dashboard" aria-label="Airports">
          {airports?.length === 0 && <Notice>No airports yet: load the flights first.</Notice>}
          {airports && airports.length > 0 && chosen.length === 0 && (
            <Notice>Choose an airport to see its numbers.</Notice>
          )}
          <div className="cards">
            {airports
              ?.filter(({ code }) => chosen.includes(code))
              .map((airport) => (
                <AirportCard
                  key={airport.code}
                  airport={airport}
                  fallbackDestination={chosen.find((code) => code !== airport.code)}
                />
              ))}
          </div>
        </section>
        <Timeline trace={trace} />
      </main>
    </div>
  );
}
