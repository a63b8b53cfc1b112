import { ConvexHttpClient } from "convex/browser";
import { getFunctionName } from "convex/server";
import { afterEach, expect, test } from "vitest";
import { api, internal } from "../../examples/convex/_generated/api.js";
import { DeploymentClients } from "../../examples/deploymentClients.js";
import { type ExampleBackendOptions, startExampleBackend } from "../../examples/exampleBackend.js";
import { carrierOf } from "../../examples/page/shared/carrier.js";
import { field } from "../../examples/page/shared/field.js";
import { eventually } from "../eventually.js";

// The examples with the transport logTail alone: no log stream, no client that forwards, no cron.
const SUBSCRIBERS = 5;
const { stats } = api.rollups.dashboard;
const STATS = getFunctionName(stats);

let backend: Awaited<ReturnType<typeof startExampleBackend>>;
let app: DeploymentClients;
let http: ConvexHttpClient;

async function start(options: ExampleBackendOptions = {}) {
  backend = await startExampleBackend({ ...options, transport: "logTail" });
  app = new DeploymentClients(backend.url, "logTail");
  http = new ConvexHttpClient(backend.url, { logger: false });
}
afterEach(async () => {
  await app.close();
  await backend.close();
});

/** Starts a tail if none reads, as a cron does. */
const startTail = () => backend.run(({ scheduler }) => scheduler.runAfter(0, internal.lazy.tail, {}));
const addFlight = (origin: string, destination: string) =>
  http.mutation(api.rollups.flights.add, { origin, destination, delay: 30 });

/**
 * Subscribes to an airport with five clients, which raise its recompute.
 *
 * @returns A function that waits until each client sees so many flights, and a fresh row.
 */
async function subscribe(airport: string) {
  const watches = Array.from({ length: SUBSCRIBERS }, () => app.watch(stats, { airport }));
  await Promise.all(watches.map((watch) => watch.until("the row", () => true)));
  return (flights: number) =>
    Promise.all(
      watches.map((watch) =>
        watch.until(`${flights} flights, fresh`, ({ state, value }) => state === "fresh" && value.flights === flights),
      ),
    );
}

/** The transports that have carried effects so far. */
function carriers() {
  const events = backend.trace.history();
  return [...new Set(events.flatMap((event) => (event.type === "execution" ? (carrierOf(event) ?? []) : [])))];
}

/** The reads of rows so far. Reads of stale rows have raised a recompute. */
function reads() {
  const events = backend.trace.history();
  return events.flatMap((event) =>
    event.type === "execution" && event.path === STATS ? [field(event.result, "state")] : [],
  );
}

const staleReads = () => reads().filter((state) => state === "stale").length;

const isReading = () =>
  backend.run(async ({ db }) => {
    const tail = await db.query("lazyTail").first();
    return tail?.job !== undefined;
  });

test("every subscriber becomes fresh, and a write alone starts the tail again when it has ended", async () => {
  await start();
  await addFlight("SFO", "LAX");
  const allSee = await subscribe("SFO");
  await startTail();
  await allSee(1);
  await backend.idle();
  expect(await isReading()).toBe(false);

  await addFlight("SFO", "LAX");
  await allSee(2);
  await addFlight("LAX", "SFO");
  await allSee(3);
  expect(carriers()).toEqual(["log tail"]);
});

test("a deployment that restarts between a read and its dispatch leaves no subscriber stale", async () => {
  await start();
  await addFlight("SFO", "LAX");
  const allSee = await subscribe("SFO");
  await startTail();
  await allSee(1);

  const before = staleReads();
  await addFlight("SFO", "LAX");
  await eventually(() => expect(staleReads()).toBeGreaterThan(before));
  await backend.restart();
  // The restart ended the tail and cleared the log. The clients reconnect, and their queries run again.
  const readBefore = reads().length;
  await eventually(() => expect(reads().length).toBeGreaterThanOrEqual(readBefore + SUBSCRIBERS));
  await startTail();
  await allSee(2);
  await addFlight("SFO", "LAX");
  await allSee(3);
  expect(carriers()).toEqual(["log tail"]);
});

test("the next reader raises again what the log dropped before it was read", async () => {
  await start({ functionLog: { capacity: 3 } });
  await addFlight("SFO", "LAX");
  await startTail();
  await eventually(async () => expect(await isReading()).toBe(true));
  const allSee = await subscribe("SFO");
  await allSee(1);

  // Between two polls of the tail, far more functions run than the log keeps.
  let isBusy = true;
  const others = Array.from({ length: 4 }, async () => {
    while (isBusy) await http.query(api.rollups.dashboard.airports, {});
  });
  const before = staleReads();
  await addFlight("SFO", "LAX");
  await eventually(() => expect(staleReads()).toBeGreaterThanOrEqual(before + SUBSCRIBERS));
  for (let i = 0; i < 20; i++) await http.query(api.rollups.dashboard.airports, {});
  isBusy = false;
  await Promise.all(others);

  await startTail();
  await eventually(async () => expect(await isReading()).toBe(true));
  await http.query(stats, { airport: "SFO" });
  await allSee(2);
});
