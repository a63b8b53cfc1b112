/**
 * `npm run tour`: the story of the dashboard, told in the terminal with the official clients. It ends by itself;
 * its last line is one JSON object with what was counted. `npm run tour -- --transport logTail` tells it with another
 * transport.
 */
import { parseArgs } from "node:util";
import type { TraceEvent } from "./backend";
import { DeploymentClients } from "./deploymentClients";
import { startExampleBackend } from "./exampleBackend";
import { telling } from "./page/rollups/telling";
import { carrierOf, dispatchedEffects } from "./page/shared/carrier";
import { effectsIn } from "./page/shared/effectLine";
import { emptyStory, follow } from "./page/shared/story";
import { unwrapped } from "./page/shared/unwrapped";
import { startTailCron } from "./tailCron";
import { playTour, type Teller } from "./tourStory";
import { toTransport } from "./transports";

const INTERVAL_MS = 500;
const FLIGHTS = 3_000;

const { values } = parseArgs({ options: { transport: { type: "string", default: "logStream" } } });
const transport = toTransport(values.transport);
const startedAt = Date.now();
const say = (text: string) => console.log(`${String(Date.now() - startedAt).padStart(6)} ms  ${text}`);
const heading = (text: string) => console.log(`\n${text}`);

const backend = await startExampleBackend({ transport, intervalMs: INTERVAL_MS });
const delivers =
  transport === "logStream" ? `, which delivers every ${INTERVAL_MS} ms here, and every 5,000 on Convex` : "";
say(`Effects leave queries by the transport ${transport}${delivers}.`);

let story = emptyStory();
let effectLines = 0;
let isQuiet = false;
backend.trace.subscribe((event) => {
  story = follow(story, event, telling);
  for (const each of unwrapped(event)) {
    if (each.type === "console") effectLines += effectsIn(each.message).length;
    if (!isQuiet) narrate(each);
  }
});

/** Tells the steps on the server as they happen. */
function narrate(event: TraceEvent): void {
  if (event.type === "console" && effectsIn(event.message).length > 0) {
    say(`  effect raised by ${event.path}${event.cached ? " (a cached replay)" : ""}`);
  } else if (event.type === "execution" && event.path === "lazy:dispatch" && !event.error) {
    const { dispatched, trailing, duplicates } = event.result as Record<string, number>;
    const carrier = carrierOf(event);
    if (carrier) say(`  the ${carrier} carried ${dispatchedEffects(event.args).length} effect(s)`);
    say(`  dispatch: ${dispatched} now, ${trailing} at the window's end, ${duplicates} duplicate(s)`);
  } else if (event.type === "execution" && event.path === "lazy:recompute" && event.caller === "scheduler") {
    say(`  recompute: ${String(event.result)}`);
  }
}

const stopCron = transport === "logTail" ? startTailCron(backend) : () => {};
const app = new DeploymentClients(backend.url, transport);
const teller: Teller = {
  heading,
  say,
  quiet: (value) => {
    isQuiet = value;
  },
  recomputes: () => story.totals.recomputes,
};
const { timeToFreshMs } = await playTour(app, teller, FLIGHTS);
stopCron();
await app.close();
await backend.close();

const { hits, staleReads, misses, effects, deliveries, dispatched, duplicates, recomputes } = story.totals;
heading("What was counted");
console.log(
  JSON.stringify({
    transport,
    hits,
    misses,
    staleReads,
    effectsRaised: effects,
    effectLines,
    deliveries,
    dispatched,
    duplicatesDropped: duplicates,
    recomputes,
    timeToFreshMs,
  }),
);
