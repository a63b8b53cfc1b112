/** The story of the dashboard, through the clients of a deployment. */
import type { FunctionReturnType } from "convex/server";
import { api } from "./convex/_generated/api";
import type { DeploymentClients } from "./deploymentClients";
import { loadInto } from "./flightsData";

const SUBSCRIBERS = 5;
const HITS = 50;
const BURST = 20;
const ROUTE = { origin: "SFO", destination: "LAX" };
const AIRPORT = ROUTE.origin;

type Stats = FunctionReturnType<typeof api.rollups.dashboard.stats>;

/** Prints the story, or collects it. */
export interface Teller {
  heading(text: string): void;
  say(text: string): void;
  /** Called when a chapter is complete. */
  endChapter?(): void;
}

/**
 * Plays the story: a first read, hits, one late flight, and twenty flights at once.
 *
 * @param count - How many flights it loads first, if the deployment has none.
 * @returns `timeToFreshMs`: the time from the late flight to its rollup.
 * @throws Error when a row does not become fresh.
 */
export async function playTour(
  app: DeploymentClients,
  { heading, say, endChapter = () => {} }: Teller,
  count: number,
): Promise<{ timeToFreshMs: number }> {
  const { http } = app;

  heading(`1. Load ${count.toLocaleString("en")} flights. The view has no rows yet, so nothing is computed`);
  if ((await http.query(api.rollups.dashboard.airports, {})).length > 0) say("they are there from an earlier run");
  else {
    await loadInto(http, {
      count,
      onProgress: ({ loaded, total }) => say(`loaded ${loaded} of ${total}`),
    });
  }

  heading(`2. ${SUBSCRIBERS} clients subscribe to ${AIRPORT}. Its row is computed once for all of them`);
  const watches = Array.from({ length: SUBSCRIBERS }, (_, i) =>
    app.watch(api.rollups.dashboard.stats, { airport: AIRPORT }, (stats) => {
      if (i === 0) say(`client 1 of ${SUBSCRIBERS} sees ${summary(stats)}`);
    }),
  );
  /** Resolves when every client sees a fresh row with this number of flights. */
  const allSee = async (flights: number) => {
    const condition = (stats: Stats) => stats.state === "fresh" && stats.value.flights === flights;
    await Promise.all(watches.map((watch) => watch.until(`${flights} flights of ${AIRPORT}, fresh`, condition)));
  };
  const isFresh = ({ state }: Stats) => state === "fresh";
  const first = watches.map((watch) => watch.until(`a fresh row of ${AIRPORT}`, isFresh));
  const before = Math.max(...(await Promise.all(first)).map(({ value }) => value.flights));
  endChapter();

  heading(`3. ${HITS} reads over HTTP. Each finds the row fresh: no effect is raised, and nothing is computed`);
  for (let i = 0; i < HITS; i++) await http.query(api.rollups.dashboard.stats, { airport: AIRPORT });
  endChapter();

  heading("4. One flight is two hours late. The old value is served at once, and the new one follows by itself");
  const wroteAt = Date.now();
  say(`a mutation adds the flight, ${ROUTE.origin} to ${ROUTE.destination}, and marks the row as stale`);
  await http.mutation(api.rollups.flights.add, { ...ROUTE, delay: 120 });
  await allSee(before + 1);
  const timeToFreshMs = Date.now() - wroteAt;
  say(`all ${SUBSCRIBERS} clients see the new value, ${timeToFreshMs} ms after the write`);
  endChapter();

  heading(`5. ${BURST} flights in ${BURST} mutations. The row is recomputed at most once in each window of 2 seconds`);
  say(`${BURST} mutations add one flight each; the first one marks the row`);
  for (let i = 0; i < BURST; i++) await http.mutation(api.rollups.flights.add, { ...ROUTE, delay: 60 });
  await allSee(before + 1 + BURST);
  endChapter();
  return { timeToFreshMs };
}

function summary({ state, value }: Stats): string {
  return `${value.flights} flights, mean delay ${value.meanDelay.toFixed(2)} min (${stateTexts[state]})`;
}

const stateTexts: Record<Stats["state"], string> = {
  fresh: "fresh",
  stale: "stale, being recomputed",
  expired: "computed by this read",
  missing: "computed by this read, there was no row",
};
