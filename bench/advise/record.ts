/**
 * Records the function log of the example app on the embedded backend, without views and with them, under the same
 * writes and subscribers. A test compares what `advise` predicts from the log without views with what the views took.
 *
 *   node --import tsx bench/advise/record.ts
 *
 * It takes half a minute, and writes `tests/cli/fixtures/exampleWithoutViews.jsonl` and `exampleWithViews.json`.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { type FunctionReference, makeFunctionReference } from "convex/server";
import WebSocket from "ws";
import { startBackend } from "../../examples/backend";
import { components } from "../../examples/components";
import schema from "../../examples/convex/schema";
import { flights } from "../../examples/flightsData";
import { modules } from "../../examples/modules";
import { functionLog, type LogEntry } from "../../src/cli/functionLog";
import { randomNumbers } from "../../tests/simulation/engine/choices";

const AIRPORTS = ["SFO", "ATL", "ORD"];
const ACCOUNTS = 2;
const SECONDS = 12;
const WRITES_A_SECOND = 10;
const FIXTURES = new URL("../../tests/cli/fixtures/", import.meta.url);

type App = "examplePlain" | "exampleViews";
type Client = { close(): Promise<void> };

/** Plays the writes to one of the two apps, and returns the calls that completed meanwhile. */
async function record(app: App): Promise<LogEntry[]> {
  const secret = randomBytes(32).toString("hex");
  const backend = await startBackend({
    schema,
    components,
    modules: {
      ...modules,
      "./examplePlain.ts": () => import("./examplePlain"),
      "./exampleViews.ts": () => import("./exampleViews"),
    },
    env: { LAZY_VIEWS_SECRET: secret, LAZY_VIEWS_STREAM_SECRET: secret },
    logStream: { path: "/lazy-views/effects", secret, intervalMs: 1_000 },
  });
  const http = new ConvexHttpClient(backend.url, { logger: false });
  const loaded = flights()
    .map(({ origin, destination, delay }) => ({ origin, destination, delay }))
    .filter(({ origin, destination }) => [origin, destination].some((code) => AIRPORTS.includes(code)));
  await http.mutation(ref("examplePlain:load"), { flights: loaded, accounts: ACCOUNTS, events: 60 });
  const accounts = (await http.query(ref<"query">("examplePlain:accounts"), {})) as string[];
  const clients = [1, 2].map((): Client => {
    const options = { webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket, logger: false };
    const client = new ConvexClient(backend.url, options as ConstructorParameters<typeof ConvexClient>[1]);
    for (const airport of AIRPORTS) client.onUpdate(ref<"query">(`${app}:airport`), { airport }, () => {});
    for (const account of accounts) client.onUpdate(ref<"query">(`${app}:usage`), { account, period: 1 }, () => {});
    return client;
  });
  await sleep(3_000);
  await backend.idle();

  const end = new AbortController();
  const target = { url: backend.url, key: backend.adminKey, kind: "self-hosted" as const };
  const entries: LogEntry[] = [];
  const since = Date.now();
  const reading = (async () => {
    for await (const page of functionLog(target, { cursor: since, signal: end.signal })) entries.push(...page.entries);
  })();
  await write(app, http, accounts);
  await sleep(5_000);
  await backend.idle();
  end.abort();
  await reading;
  await Promise.all(clients.map((client) => client.close()));
  await backend.close();
  return entries.filter(({ kind }) => kind === "Completion");
}

async function write(app: App, http: ConvexHttpClient, accounts: string[]): Promise<void> {
  const random = randomNumbers(1);
  const one = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const started = performance.now();
  for (let i = 0; i < SECONDS * WRITES_A_SECOND; i++) {
    const delay = Math.floor(random() * 90);
    // Three of four flights are to an airport that no client looks at.
    const flight = { origin: one(AIRPORTS), destination: random() < 0.25 ? one(AIRPORTS) : "XXX", delay };
    const event = { account: one(accounts), period: 1, units: delay + 1 };
    if (i % 2 === 0) await http.mutation(ref(`${app}:addFlight`), flight);
    else await http.mutation(ref(`${app}:use`), event);
    await sleep(Math.max(0, started + ((i + 1) * 1_000) / WRITES_A_SECOND - performance.now()));
  }
}

function ref<Type extends "query" | "mutation" = "mutation">(path: string): FunctionReference<Type> {
  return makeFunctionReference<Type>(path) as unknown as FunctionReference<Type>;
}

/** Documents that these calls have read and written. */
function documentsOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, entry) => {
    if (entry.kind === "Progress" || entry.cachedResult) return sum;
    return sum + entry.usageStats.databaseReadDocuments + entry.usageStats.databaseWriteDocuments;
  }, 0);
}

/** Fields that are left out, so that the file stays small. */
const UNUSED = ["userExecutionTime", "executionTimestamp", "identityType", "environment", "memoryUsedMb", "willRetry"];
const NEEDED = ["componentPath", "parentExecutionId", "error", "returnBytes"];

function shortened(entry: LogEntry): unknown {
  return JSON.parse(JSON.stringify(entry), (name, value) => {
    const isNothing = (value === 0 || value === null) && !name.startsWith("database") && !NEEDED.includes(name);
    return isNothing || UNUSED.includes(name) ? undefined : value;
  });
}

const isMutation = ({ udfType }: LogEntry) => udfType === "Mutation";

const plain = await record("examplePlain");
const views = await record("exampleViews");
mkdirSync(FIXTURES, { recursive: true });
writeFileSync(
  new URL("exampleWithoutViews.jsonl", FIXTURES),
  plain.map((entry) => `${JSON.stringify(shortened(entry))}\n`).join(""),
);
const truth = {
  // Without the mutations' own documents, which are the same with views and without.
  documentsWithoutViews: documentsOf(plain.filter((entry) => !isMutation(entry))),
  documentsWithViews: documentsOf(views) - documentsOf(plain.filter(isMutation)),
};
writeFileSync(new URL("exampleWithViews.json", FIXTURES), `${JSON.stringify(truth, null, 2)}\n`);
console.log(truth, `${plain.length} calls without views, ${views.length} with them`);
process.exit();
