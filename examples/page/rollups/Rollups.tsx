import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { ActivityFeed } from "../shared/ActivityFeed";
import { Notice } from "../shared/Notice";
import { AirportCard } from "./AirportCard";
import { AirportChips } from "./AirportChips";
import { NetworkCard } from "./NetworkCard";
import { telling } from "./telling";
import "./charts.css";
import "./network.css";

const CHOSEN_AT_FIRST = 4;

/** A dashboard of flights: a card for each chosen airport. */
export function Rollups({ deployment }: { deployment: string }) {
  const airports = useQuery(api.rollups.dashboard.airports, {});
  const [choice, setChoice] = useState<string[]>();

  const chosen = choice ?? airports?.slice(0, CHOSEN_AT_FIRST).map(({ code }) => code) ?? [];
  const toggle = (code: string) =>
    setChoice(chosen.includes(code) ? chosen.filter((each) => each !== code) : [...chosen, code]);

  return (
    <>
      {airports && <AirportChips airports={airports} chosen={chosen} onToggle={toggle} />}

      <div className="content">
        <section className="stack" aria-label="Airports">
          {airports?.length === 0 && <Notice>No airports yet: load the flights first.</Notice>}
          {airports && airports.length > 0 && chosen.length === 0 && (
            <Notice>Choose an airport to see its numbers.</Notice>
          )}
          {airports && airports.length > 0 && <NetworkCard />}
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
        <ActivityFeed deployment={deployment} telling={telling} />
      </div>
    </>
  );
}
