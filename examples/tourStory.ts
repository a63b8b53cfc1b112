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

/** Where the story is told. */
export interface Teller {
  heading(text: string): void;
  say(text: string): void;
  /** Called before and after a part whose steps are too many to tell. */
  quiet(isQuiet: boolean): void;
  /** How many recomputes there were, where that is known. */
  recomputes?(): number;
}

/**
 * Plays the story: a first read, hits, one late flight, and twenty flights at once.
 *
 * @param count - How many flights are loaded first, where there are none.
 * @returns How long it took from the one flight to its rollup, in ms.
 * @throws Error when something does not become fresh.
 */
export async function playTour(
  app: DeploymentClients,
  teller: Teller,
  count: number,
): Promise<{ timeToFreshMs: number }> {
  const { heading, say } = teller;
  const { http } = app;
  const read = () => http.query(api.rollups.dashboard.stats, { airport: AIRPORT });

  heading(`1. Load ${count.toLocaleString("en")} flights`);
  if ((await http.query(api.rollups.dashboard.airports, {})).length > 0) say("they are there from an earlier run");
  else {
    await loadInto(http, {
      count,
      onProgress: ({ loaded, total }) => {
        if (loaded % 500 === 0) say(`loaded ${loaded} of ${total}`);
      },
    });
  }

  heading(`2. ${SUBSCRIBERS} clients subscribe to ${AIRPORT}: its row is not fresh, so the query asks for it`);
  const watches = Array.from({ length: SUBSCRIBERS }, (_, i) =>
    app.watch(api.rollups.dashboard.stats, { airport: AIRPORT }, (stats) => {
      if (i === 0) say(`client sees ${summary(stats)}`);
    }),
  );
  /** Resolves when every client sees so many flights, and that they are fresh. */
  const allSee = async (flights: number) => {
    const condition = (stats: Stats) => stats.state === "fresh" && stats.value.flights === flights;
    await Promise.all(watches.map((watch) => watch.until(`${flights} flights of ${AIRPORT}, fresh`, condition)));
  };
  const before = (await read()).value.flights;
  await allSee(before);

  heading(`3. ${HITS} reads over HTTP: hits, one document each`);
  teller.quiet(true);
  for (let i = 0; i < HITS; i++) await read();
  teller.quiet(false);

  heading("4. One flight is two hours late: the old value is served at once, and turns fresh by itself");
  const wroteAt = Date.now();
  await http.mutation(api.rollups.flights.add, { ...ROUTE, delay: 120 });
  await allSee(before + 1);
  const timeToFreshMs = Date.now() - wroteAt;
  say(`fresh ${timeToFreshMs} ms after the write`);

  heading(`5. ${BURST} flights in ${BURST} mutations`);
  await read(); // What came before this read is counted.
  const recomputes = teller.recomputes?.();
  for (let i = 0; i < BURST; i++) await http.mutation(api.rollups.flights.add, { ...ROUTE, delay: 60 });
  await allSee(before + 1 + BURST);
  await read();
  if (recomputes !== undefined)
    say(`${BURST} writes led to ${Number(teller.recomputes?.()) - recomputes} recompute(s)`);
  return { timeToFreshMs };
}

function summary({ state, value }: Stats): string {
  return `${state}: ${value.flights} flights, mean delay ${value.meanDelay.toFixed(2)} min`;
}
