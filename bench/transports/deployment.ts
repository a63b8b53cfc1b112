import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexClient as ForwardingClient } from "convex-lazy-views/client";
import WebSocket from "ws";
import { type Backend, startBackend, type TraceEvent } from "../../examples/backend";
import { modules, schema } from "./app";

export type TransportName = "logTail" | "logStream" | "client";
type Call = TraceEvent & { type: "execution" };

const set = makeFunctionReference<"mutation">("items:set");
const PATIENCE_MS = 120_000;

/** The app on an embedded backend, with one transport. */
export class Deployment {
  /** Every call of a function so far that was not answered from the cache. */
  readonly calls: Call[] = [];
  private readonly http: ConvexHttpClient;
  private readonly clients: (ConvexClient | ForwardingClient)[] = [];
  private readonly seen = new Map<string, number[]>();

  private constructor(
    private readonly transport: TransportName,
    private readonly backend: Backend<typeof schema>,
  ) {
    this.http = new ConvexHttpClient(backend.url, { logger: false });
    backend.trace.subscribe((event) => {
      if (event.type === "execution" && !event.cached) this.calls.push(event);
    });
  }

  static async start(transport: TransportName): Promise<Deployment> {
    const secret = randomBytes(32).toString("hex");
    const logKey = `logs|${randomBytes(32).toString("hex")}`;
    const env = {
      LAZY_VIEWS_SECRET: secret,
      ...(transport === "logTail" && { LAZY_VIEWS_LOG_KEY: logKey }),
      ...(transport === "logStream" && { LAZY_VIEWS_STREAM_SECRET: secret }),
    };
    const logStream = { path: "/lazy-views/effects", secret };
    const options = { schema, modules, env, logKey };
    const backend = await startBackend(transport === "logStream" ? { ...options, logStream } : options);
    return new Deployment(transport, backend);
  }

  /** Subscribes clients, each with a connection of its own, to the groups of a view. */
  async subscribe(view: "soon" | "windowed", groups: readonly string[], clients: number): Promise<void> {
    for (const group of groups) await this.write(group, 0);
    for (let i = 0; i < clients; i++) {
      const options = { webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket, logger: false };
      const Client = this.transport === "client" ? ForwardingClient : ConvexClient;
      const client = new Client(this.backend.url, options as ConstructorParameters<typeof ConvexClient>[1]);
      this.clients.push(client);
      for (const group of groups) {
        const seen = this.seen.get(group) ?? [];
        this.seen.set(group, seen);
        client.onUpdate(makeFunctionReference<"query">(`reads:${view}`), { group }, (value) => {
          seen[i] = (value as { amount: number } | null)?.amount ?? Number.NaN;
        });
      }
    }
    for (const group of groups) await this.seenBy(group, clients, 0);
    // Before a row is stored, reads compute its value.
    await this.until("every row is stored", async () => {
      const rows = await this.backend.run(async (ctx) => await ctx.db.query(view).collect());
      return rows.length === groups.length;
    });
  }

  async write(group: string, amount: number): Promise<void> {
    await this.http.mutation(set, { group, amount });
  }

  /** Writes, and returns how long it took until every client has seen it, in ms. */
  async writeUntilSeen(group: string, clients: number, amount: number): Promise<number> {
    const startedAt = performance.now();
    await this.write(group, amount);
    await this.seenBy(group, clients, amount);
    return performance.now() - startedAt;
  }

  /** Resolves when no tail reads the log any more. */
  async tailEnded(): Promise<void> {
    await this.until("no tail reads the log", async () => {
      const tail = await this.backend.run(async (ctx) => await ctx.db.query("lazyTail").first());
      return tail === null || tail.job === undefined;
    });
    await this.backend.idle();
  }

  async heartbeat(): Promise<void> {
    const heartbeat = makeFunctionReference<"action">("lazy:heartbeat");
    await this.backend.run(async (ctx) => {
      await ctx.scheduler.runAfter(0, heartbeat, {});
    });
    await this.until("the heartbeat has ended", () => this.calls.some(({ path }) => path === "lazy:heartbeat"));
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.backend.close();
  }

  private seenBy(group: string, clients: number, amount: number): Promise<void> {
    const seen = this.seen.get(group) ?? [];
    return this.until(`${clients} clients see ${amount} of ${group}`, () => {
      return seen.filter((one) => one === amount).length === clients;
    });
  }

  /** @throws Error when the condition is still false after two minutes. */
  private async until(what: string, has: () => boolean | Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (!(await has())) {
      if (performance.now() > giveUpAt) throw new Error(`${this.transport}: waited in vain until ${what}.`);
      await sleep(5);
    }
  }
}
