/**
 * `npm run demo`: the example app on the embedded backend, with data for every example, and its page.
 * With `npm run demo -- --interval 5000` the log stream delivers as rarely as Convex's, and with
 * `npm run demo -- --transport logTail` effects take another transport: see `transports.ts`.
 */
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { ConvexHttpClient } from "convex/browser";
import { startExampleBackend } from "./exampleBackend";
import { type LoadProgress, loadInto as loadFlights } from "./flightsData";
import { loadInto as loadFilms } from "./moviesData";
import { servePage } from "./page/serve";
import { loadInto as loadSamples } from "./sampleData";
import { startTailCron, TAIL_CRON_MS } from "./tailCron";
import { type Transport, toTransport, transports } from "./transports";

const BACKEND_PORT = 3210;
const PAGE_PORT = 5173;

const { values } = parseArgs({
  options: { interval: { type: "string", default: "1000" }, transport: { type: "string", default: "logStream" } },
});
const intervalMs = Number(values.interval);
if (!(intervalMs > 0)) {
  throw new Error(`--interval is ${values.interval}; give the milliseconds between two deliveries.`);
}
const transport = toTransport(values.transport);

const backend = await startExampleBackend({ transport, intervalMs, port: await freePort(BACKEND_PORT) });
const client = new ConvexHttpClient(backend.url, { logger: false });
// One after the other: the backend runs one mutation at a time.
await loadSamples(client);
await loadFlights(client, { onProgress: showProgress("flights") });
await loadFilms(client, { onProgress: showProgress("films") });
if (transport === "logTail") startTailCron(backend);
const page = await servePage({
  deployment: backend.url,
  transport,
  deliveryIntervalMs: intervalMs,
  port: PAGE_PORT,
});

const carriers: Record<Transport, string> = {
  logStream: `the log stream, which delivers every ${intervalMs} ms here, and every 5,000 ms on Convex`,
  logTail: `the log tail, which reads the function log; a cron starts it every ${TAIL_CRON_MS} ms if it has ended`,
  client: "the page's own client, which forwards them",
};
console.log("Open the page. It has five examples, one on each tab. Ctrl-C ends the demo.\n");
console.log(page.url);
console.log(`\nEffects leave queries with ${carriers[transport]}.`);
console.log(`Others: npm run demo -- --transport ${transports.filter((each) => each !== transport).join(" | ")}`);
console.log(`\nThe backend is at ${backend.url}. Convex's command line works with it, in this folder:`);
console.log(`CONVEX_SELF_HOSTED_URL=${backend.url} CONVEX_SELF_HOSTED_ADMIN_KEY='${backend.adminKey}' npx convex logs`);

process.once("SIGINT", async () => {
  await Promise.all([page.close(), backend.close()]);
  process.exit(0);
});

/** Counts up in one line on a terminal; elsewhere it prints a line for every thousand, and the last count. */
function showProgress(what: string): (progress: LoadProgress) => void {
  return ({ loaded, total }) => {
    const isDone = loaded === total;
    const text = `Loading ${what}: ${loaded} of ${total}`;
    if (process.stdout.isTTY) process.stdout.write(`\r${text}${isDone ? "\n" : ""}`);
    else if (isDone || loaded % 1_000 === 0) console.log(text);
  };
}

/** The preferred port if it is free, else 0, which means any free port. */
async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  return await new Promise((resolve, reject) => {
    probe.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(0) : reject(error)));
    probe.listen(preferred, "127.0.0.1", () => probe.close(() => resolve(preferred)));
  });
}
