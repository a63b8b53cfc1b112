import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { ConvexHttpClient } from "convex/browser";
import { ConvexClient } from "convex-lazy-views/client";
import WebSocket from "ws";
import { type Backend, startBackend, type TraceEvent } from "../examples/backend";
import { modules } from "./app";
import { api } from "./convex/_generated/api.js";
import schema from "./convex/schema";
import { countSlowForwards } from "./slowServer";

/** What invalidations cause when many clients subscribe to the row, and only these clients carry effects. */
export interface ForwardFigures {
  clients: number;
  /** Calls of the forwarding mutation after an invalidation whose recompute starts at once … */
  forwards: number;
  /** … and after one inside the row's window, whose recompute waits for the window's end. */
  forwardsInsideWindow: number;
  /** Recomputes after both invalidations. */
  recomputes: number;
  /** Forwards when the server takes 10 s for every answer: the most of 20 rounds. */
  slowServer: number;
  /** Clients that do not see the new value in the end. */
  clientsLeftStale: number;
}

const GROUP = "watched";

/** Subscribes clients over the embedded backend, without a log stream, writes twice, and waits for all to see it. */
export async function measureForwards({ clients }: { clients: number }): Promise<ForwardFigures> {
  const backend = await startBackend({
    schema,
    modules,
    env: { LAZY_VIEWS_SECRET: randomBytes(32).toString("hex") },
  });
  const http = new ConvexHttpClient(backend.url, { logger: false });
  await http.mutation(api.items.load, { groups: [GROUP], itemsPerGroup: 1 });
  await http.mutation(api.items.refreshWatched, { group: GROUP });
  const subscribers = await subscribe(backend, clients);
  await subscribers.until((amount) => amount === 0);

  let recomputes = 0;
  backend.trace.subscribe((event) => {
    if (isRecompute(event) && event.result === "committed") recomputes++;
  });
  const forwardsUntil = (seen: number) =>
    countForwards(async () => {
      await http.mutation(api.items.touchWatched, { group: GROUP });
      await subscribers.until((amount) => amount === seen);
      await backend.idle();
    });
  const forwards = await forwardsUntil(1);
  const forwardsInsideWindow = await forwardsUntil(2);
  const clientsLeftStale = subscribers.amounts.filter((amount) => amount !== 2).length;
  await subscribers.close();
  await backend.close();
  const slowServer = await forwardToSlowServer(clients);
  return { clients, forwards, forwardsInsideWindow, recomputes, slowServer, clientsLeftStale };
}

async function forwardToSlowServer(clients: number): Promise<number> {
  const rounds: number[] = [];
  for (let seed = 1; seed <= 20; seed++) rounds.push(await countSlowForwards({ clients, latencyMs: 10_000, seed }));
  return Math.max(...rounds);
}

function isRecompute(event: TraceEvent): event is TraceEvent & { type: "execution" } {
  return event.type === "execution" && event.path === "lazy:recompute" && event.caller === "scheduler";
}

/** Counts the forwards that clients send while `work` runs. Resolves when all of them are answered. */
async function countForwards(work: () => Promise<void>): Promise<number> {
  const { fetch } = globalThis;
  const sent: Promise<unknown>[] = [];
  globalThis.fetch = (input, init) => {
    const response = fetch(input, init);
    if (String(init?.body).includes('"lazy:forward"')) sent.push(response);
    return response;
  };
  try {
    await work();
    await Promise.all(sent);
    return sent.length;
  } finally {
    globalThis.fetch = fetch;
  }
}

/** Subscribes clients to the group's total, and keeps the value that each of them sees. */
async function subscribe(backend: Pick<Backend<typeof schema>, "url">, count: number) {
  const changes = new EventEmitter();
  const amounts: (number | undefined)[] = Array.from({ length: count });
  const clients = amounts.map((_, i) => {
    const client = new ConvexClient(backend.url, {
      webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
      logger: false,
    });
    client.onUpdate(api.reads.watched, { group: GROUP }, (total) => {
      amounts[i] = total?.amount;
      changes.emit("change");
    });
    return client;
  });
  return {
    amounts,
    /** Resolves when every client sees such a value. */
    async until(isSeen: (amount: number | undefined) => boolean): Promise<void> {
      while (!amounts.every(isSeen)) await once(changes, "change");
    },
    async close(): Promise<void> {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
