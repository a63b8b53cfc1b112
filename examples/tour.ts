/**
 * `npm run tour`: the story of the dashboard, told in the terminal with the official clients. It ends by itself;
 * its last line is one JSON object with what was counted.
 */
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import type { FunctionReturnType } from "convex/server";
import WebSocket from "ws";
import type { TraceEvent } from "./backend";
import { api } from "./convex/_generated/api";
import { startExampleBackend } from "./exampleBackend";
import { loadInto } from "./flightsData";
import { emptyStory, follow } from "./page/rollups/story";
import { effectsIn } from "./page/shared/effectLine";

const INTERVAL_MS = 500;
const SUBSCRIBERS = 5;
const HITS = 50;
const BURST = 20;
const ROUTE = { origin: "SFO", destination: "LAX" };
const AIRPORT = ROUTE.origin;

type Stats = FunctionReturnType<typeof api.rollups.dashboard.stats>;

const startedAt = Date.now();
const say = (text: string) => console.log(`${String(Date.now() - startedAt).padStart(6)} ms  ${text}`);
const heading = (text: string) => console.log(`\n${text}`);
const summary = ({ state, value }: Stats) =>
  value === null ? state : `${state}: ${value.flights} flights, mean delay ${value.meanDelay.toFixed(2)} min`;

const backend = await startExampleBackend({ intervalMs: INTERVAL_MS });
const http = new ConvexHttpClient(backend.url, { logger: false });

heading("1. Load 3,000 flights");
await loadInto(http, {
  onProgress: ({ loaded, total }) => {
    if (loaded % 500 === 0) say(`loaded ${loaded} of ${total}`);
  },
});

// From here on, count what happens.
let story = emptyStory();
let effectLines = 0;
let forwarded = 0;
let quiet = false;
backend.trace.subscribe((event) => {
  story = follow(story, event);
  if (event.type === "console") effectLines += effectsIn(event.message).length;
  if (event.type === "execution" && event.path === "lazy:dispatch" && !event.error) {
    const { dispatched, trailing } = event.result as { dispatched: number; trailing: number };
    forwarded += dispatched + trailing;
  }
  if (!quiet) narrate(event);
});

/** Says the steps on the server as they happen. */
function narrate(event: TraceEvent): void {
  if (event.type === "console" && effectsIn(event.message).length > 0) {
    say(`  effect raised by ${event.path}${event.cached ? " (a cached replay)" : ""}`);
  } else if (event.type === "delivery" && event.status === 200) {
    say(`  log stream delivered ${event.events} event(s)`);
  } else if (event.type === "execution" && event.path === "lazy:dispatch") {
    const { dispatched, trailing, duplicates } = event.result as Record<string, number>;
    say(`  dispatch: ${dispatched} now, ${trailing} at the window's end, ${duplicates} duplicate(s)`);
  } else if (event.type === "execution" && event.path === "lazy:recompute") {
    if (event.caller === "scheduler") say(`  recompute: ${String(event.result)}`);
  }
}

heading(`2. ${SUBSCRIBERS} clients subscribe to ${AIRPORT}: its row is missing, so the query asks for it`);
let latest: Stats | undefined;
let onChange = () => {};
const clients = Array.from({ length: SUBSCRIBERS }, () => {
  return new ConvexClient(backend.url, {
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    logger: false,
  });
});
for (const [i, client] of clients.entries()) {
  client.onUpdate(api.rollups.dashboard.stats, { airport: AIRPORT }, (stats) => {
    if (i !== 0) return;
    latest = stats;
    say(`client sees ${summary(stats)}`);
    onChange();
  });
}

/** Resolves when the first client sees what is waited for. */
async function until(condition: (stats: Stats) => boolean): Promise<Stats> {
  while (latest === undefined || !condition(latest)) {
    await new Promise<void>((resolve) => {
      onChange = resolve;
    });
  }
  return latest;
}
const before = await until(({ state }) => state === "fresh");
await backend.idle();

heading(`3. ${HITS} reads over HTTP: hits, one document each`);
quiet = true;
for (let i = 0; i < HITS; i++) await http.query(api.rollups.dashboard.stats, { airport: AIRPORT });
quiet = false;
say(`${story.totals.hits} hits so far, ${story.totals.recomputes} recompute(s)`);

heading("4. One flight is two hours late: the old value is served at once, and turns fresh by itself");
const wroteAt = Date.now();
await http.mutation(api.rollups.flights.add, { ...ROUTE, delay: 120 });
const flightsOf = (stats: Stats | undefined) => stats?.value?.flights ?? 0;
await until((stats) => stats.state === "fresh" && flightsOf(stats) === flightsOf(before) + 1);
const timeToFreshMs = Date.now() - wroteAt;
say(`fresh ${timeToFreshMs} ms after the write (the stream delivers every ${INTERVAL_MS} ms here, 5,000 on Convex)`);
await backend.idle();

heading(`5. ${BURST} flights in ${BURST} mutations: one effect, one recompute`);
const recomputesBefore = story.totals.recomputes;
for (let i = 0; i < BURST; i++) await http.mutation(api.rollups.flights.add, { ...ROUTE, delay: 60 });
await until((stats) => stats.state === "fresh" && flightsOf(stats) === flightsOf(before) + 1 + BURST);
await backend.idle();
say(`${BURST} writes led to ${story.totals.recomputes - recomputesBefore} recompute(s)`);

await Promise.all(clients.map((client) => client.close()));
await backend.close();

const { hits, staleReads, misses, effects, deliveries, recomputes } = story.totals;
heading("What was counted");
console.log(
  JSON.stringify({
    hits,
    misses,
    staleReads,
    effectsRaised: effects,
    effectLinesDelivered: effectLines,
    deliveries,
    dispatched: forwarded,
    duplicatesDropped: effectLines - forwarded,
    recomputes,
    timeToFreshMs,
  }),
);
