/**
 * `npm run tour`: the story of the dashboard in the terminal, with the official clients. It ends by itself; its last
 * line is a JSON object with the counts. `npm run tour -- --transport logTail` uses another transport.
 */
import { parseArgs } from "node:util";
import { DeploymentClients } from "./deploymentClients";
import { startExampleBackend } from "./exampleBackend";
import { telling } from "./page/rollups/telling";
import { effectsIn } from "./page/shared/effectLine";
import { emptyStory, follow } from "./page/shared/story";
import { counted, stepDetail, stepName } from "./page/shared/storyText";
import { unwrapped } from "./page/shared/unwrapped";
import { startTailCron } from "./tailCron";
import { playTour, type Teller } from "./tourStory";
import { toTransport } from "./transports";

const INTERVAL_MS = 500;
/** Few enough to load in a moment. */
const FLIGHTS = 500;

const { values } = parseArgs({ options: { transport: { type: "string", default: "logStream" } } });
const transport = toTransport(values.transport);
const startedAt = Date.now();
const say = (text: string) => console.log(`${String(Date.now() - startedAt).padStart(6)} ms  ${text}`);
const heading = (text: string) => console.log(`\n${text}`);

const carriers = {
  logStream: `the log stream, which delivers every ${INTERVAL_MS} ms here, and every 5,000 ms on Convex`,
  logTail: "the log tail, an action that reads the deployment's own log",
  client: "the clients, which forward them",
};
console.log("The dashboard of flight delays, on an embedded backend. Times are counted from here.");
console.log(`Effects leave queries with ${carriers[transport]}.`);
const backend = await startExampleBackend({ transport, intervalMs: INTERVAL_MS });

let story = emptyStory();
/** Effect lines on the console. A query that raises effects prints one; an answer from the cache prints it again. */
let effectLines = 0;
const told = new Set<string>();
backend.trace.subscribe((event) => {
  story = follow(story, event, telling);
  for (const each of unwrapped(event)) {
    if (each.type === "console") effectLines += effectsIn(each.message).length;
  }
  narrate();
});

/** Prints the new steps on the server, except for writes, which the tour itself prints. */
function narrate(): void {
  const [episode] = story.episodes;
  for (const step of episode?.steps ?? []) {
    const id = `${episode?.id} ${step.kind}`;
    if (step.kind === "write" || told.has(id)) continue;
    told.add(id);
    say(`  ${stepName(step.kind, step)}: ${stepDetail(step, telling, String)}`);
  }
}

/** The counts so far, or since `before`. */
function countedSince(before: Partial<Record<string, number>> = {}) {
  const { hits, misses, staleReads, effects, deliveries, dispatched, duplicates, recomputes } = story.totals;
  const all = {
    hits,
    misses,
    staleReads,
    effectsRaised: effects,
    effectLines,
    deliveries,
    dispatched,
    duplicatesDropped: duplicates,
    recomputes,
  };
  type Counts = typeof all;
  const entries = Object.entries(all).map(([name, count]) => [name, count - (before[name] ?? 0)]);
  return Object.fromEntries(entries) as Counts;
}

/** `5 reads: 4 found the row fresh, 1 stale; 1 effect raised (in 1 line); 1 recompute` */
function summary({
  hits,
  staleReads,
  misses,
  effectsRaised,
  effectLines,
  recomputes,
}: ReturnType<typeof countedSince>) {
  const found = [
    [hits, "found the row fresh"],
    [staleReads, "found it stale"],
    [misses, "found no row yet"],
  ].flatMap(([count, what]) => (Number(count) > 0 ? [`${count} ${what}`] : []));
  const effects = effectsRaised === 0 ? "no effect" : `${counted(effectsRaised, "effect")} (sent ${effectLines} times)`;
  const work = recomputes === 0 ? "no recompute" : counted(recomputes, "recompute");
  return `${counted(hits + staleReads + misses, "read")}: ${found.join(", ")}. Raised: ${effects}. Done: ${work}.`;
}

let atChapter = countedSince();
const stopCron = transport === "logTail" ? startTailCron(backend) : () => {};
const app = new DeploymentClients(backend.url, transport);
const teller: Teller = {
  heading,
  say,
  endChapter: () => {
    say(`Counted: ${summary(countedSince(atChapter))}`);
    atChapter = countedSince();
  },
};
const { timeToFreshMs } = await playTour(app, teller, FLIGHTS);
stopCron();
await app.close();
await backend.close();

heading("In all");
console.log(`${summary(atChapter)} The same, and more, as JSON:`);
console.log(JSON.stringify({ transport, ...atChapter, timeToFreshMs }));
