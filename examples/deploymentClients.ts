/** The clients of the tour and of `npm run e2e`: Convex's own, or the library's for the transport `client`. */
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import type { FunctionArgs, FunctionReference, FunctionReturnType } from "convex/server";
import { ConvexClient as ForwardingClient, ConvexHttpClient as ForwardingHttpClient } from "convex-lazy-views/client";
import WebSocket from "ws";
import type { Transport } from "./transports";

/** The longest wait, in ms, as in the tests. It is long, because the machine may be busy with other work. */
export const PATIENCE_MS = Number(process.env.WAIT_SECONDS ?? 5 * 60) * 1_000;

type Query = FunctionReference<"query">;

/** A query that a client subscribes to. */
export interface Watch<Result> {
  /**
   * Resolves with the first value for which the condition holds, or with the current value if it holds already.
   *
   * @throws The query's error; or, after the longest wait, an error that names `what` and the latest value.
   */
  until(what: string, condition: (value: Result) => boolean): Promise<Result>;
}

/** The clients of one deployment. */
export class DeploymentClients {
  readonly http: ConvexHttpClient;
  private readonly subscribers: ConvexClient[] = [];

  constructor(
    readonly url: string,
    readonly transport: Transport,
  ) {
    const Client = transport === "client" ? ForwardingHttpClient : ConvexHttpClient;
    this.http = new Client(url, { logger: false });
  }

  /** Subscribes to a query, with a client and a connection of its own. */
  watch<Of extends Query>(
    query: Of,
    args: FunctionArgs<Of>,
    onValue: (value: FunctionReturnType<Of>) => void = () => {},
  ): Watch<FunctionReturnType<Of>> {
    const Client = this.transport === "client" ? ForwardingClient : ConvexClient;
    const client = new Client(this.url, {
      webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
      unsavedChangesWarning: false,
      logger: false,
    });
    this.subscribers.push(client);
    const watched = new WatchedQuery<FunctionReturnType<Of>>();
    client.onUpdate(
      query,
      args,
      (value) => {
        onValue(value);
        watched.see({ value });
      },
      (error) => watched.see({ error }),
    );
    return watched;
  }

  /** Ends all subscriptions. */
  async close(): Promise<void> {
    await Promise.all(this.subscribers.splice(0).map((client) => client.close()));
  }
}

class WatchedQuery<Result> implements Watch<Result> {
  private seen: { value: Result } | { error: Error } | undefined;
  private onChange = () => {};

  see(news: { value: Result } | { error: Error }): void {
    this.seen = news;
    this.onChange();
  }

  until(what: string, condition: (value: Result) => boolean): Promise<Result> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`waited ${PATIENCE_MS / 1_000} s for ${what}; last seen: ${JSON.stringify(this.seen)}`));
      }, PATIENCE_MS);
      this.onChange = () => {
        if (this.seen === undefined) return;
        if ("error" in this.seen) reject(this.seen.error);
        else if (condition(this.seen.value)) resolve(this.seen.value);
        else return;
        clearTimeout(timer);
      };
      this.onChange();
    });
  }
}
