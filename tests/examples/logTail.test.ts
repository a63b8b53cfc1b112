import { ConvexHttpClient } from "convex/browser";
import { afterEach, expect, test } from "vitest";
import { api, internal } from "../../examples/convex/_generated/api.js";
import { DeploymentClients } from "../../examples/deploymentClients.js";
import { type ExampleBackendOptions, startExampleBackend } from "../../examples/exampleBackend.js";
import { carrierOf } from "../../examples/page/shared/carrier.js";

/*
 * The examples with the transport logTail alone: no log stream, no client that forwards, no cron. The heartbeat runs
 * once, as `npx convex-lazy-views connect` does.
 */
const SUBSCRIBERS = 5;
const { stats } = api.rollups.dashboard;

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

const heartbeat = () => backend.run(({ scheduler }) => scheduler.runAfter(0, internal.lazy.heartbeat, {}));
const addFlight = (origin: string, destination: string) =>
  http.mutation(api.rollups.flights.add, { origin, destination, delay: 30 });

/** Subscribes to an airport with five clients. Returns what waits until each sees so many flights, and a fresh row. */
function subscribe(airport: string) {
  const watches = Array.from({ length: SUBSCRIBERS }, () => app.watch(stats, { airport }));
  return (flights: number) =>
    Promise.all(
      watches.map((watch) =>
        watch.until(`${flights} flights, fresh`, ({ state, value }) => state === "fresh" && value.flights === flights),
      ),
    );
}

/** What carried effects so far, each once. */
function carriers() {
  const events = backend.trace.history();
  return [...new Set(events.flatMap((event) => (event.type === "execution" ? (carrierOf(event) ?? []) : [])))];
}

const isReading = () =>
  backend.run(async ({ db }) => {
    const tail = await db.query("lazyTail").first();
    return tail?.job !== undefined;
  });

test("every subscriber becomes fresh, and a write alone starts the tail again when it has ended", async () => {
  await start();
  await addFlight("SFO", "LAX");
  await heartbeat();
  const allSee = subscribe("SFO");
  await allSee(1);
  await backend.idle();
  expect(await isReading()).toBe(false);

  await addFlight("SFO", "LAX");
  await allSee(2);
  await addFlight("LAX", "SFO");
  await allSee(3);
  expect(carriers()).toEqual(["log tail"]);
});
