import {
  type BaseConvexClient,
  type ConvexClientOptions,
  type MutationOptions,
  ConvexClient as PlainClient,
} from "convex/browser";
import { type FunctionArgs, type FunctionReturnType, getFunctionName } from "convex/server";
import type { AnyMutation, AnyQuery } from "./anyQuery.js";
import type { Args } from "./askOnce.js";
import { unmarked } from "./optimistic.js";
import { forwardTo } from "./outbox.js";
import { SubscribedQueries, type SubscribedQuery } from "./subscribedQueries.js";

type Unsubscribe<Result> = (() => void) & {
  unsubscribe(): void;
  getCurrentValue(): Result | undefined;
};

/**
 * The `ConvexClient` of convex/browser, for the transport `client`. It forwards the effects of its queries: those of a
 * subscription after a short random delay, unless the row has become fresh by then; those of `query` at once.
 * Everything else works as in convex/browser.
 *
 * @example
 * ```ts
 * import { ConvexClient } from "convex-lazy-views/client";
 *
 * const client = new ConvexClient(import.meta.env.VITE_CONVEX_URL);
 * client.onUpdate(api.dashboard.stats, { airport: "SFO" }, (stats) => show(stats));
 * ```
 */
export class ConvexClient extends PlainClient {
  private readonly lazyQueries: SubscribedQueries;
  /** The answers that the client holds, marked or not. */
  private readonly localResult: BaseConvexClient["localQueryResult"] | undefined;

  constructor(address: string, options?: ConvexClientOptions) {
    super(address, options);
    this.lazyQueries = new SubscribedQueries(forwardTo(address));
    if (this.disabled) return;
    const { client } = this;
    this.localResult = client.localQueryResult.bind(client);
    // The clients for Svelte, Vue and Solid ask it for what `onUpdate` has delivered.
    client.localQueryResult = (name, args = {}) => this.lazyQueries.read({ args, result: this.resultOf(name) });
  }

  /** As in convex/browser. Effects that the query raises are forwarded. */
  override onUpdate<Query extends AnyQuery>(
    query: Query,
    args: FunctionArgs<Query>,
    callback: (result: FunctionReturnType<Query>) => unknown,
    onError?: (e: Error) => unknown,
  ): Unsubscribe<FunctionReturnType<Query>> {
    if (this.disabled) return super.onUpdate(query, args, callback, onError);
    const asked = this.asked(query, args);
    const read = (): FunctionReturnType<Query> | undefined => this.lazyQueries.read(asked);
    const unsubscribe = this.lazyQueries.subscribe(asked, () => {
      let value: FunctionReturnType<Query> | undefined;
      try {
        value = read();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        // As Convex's own client does: the error is reported, and other callbacks still run.
        if (onError === undefined) void Promise.reject(error);
        else onError(error);
        return;
      }
      callback(value);
    });
    return Object.assign(unsubscribe, { unsubscribe, getCurrentValue: read });
  }

  /** As in convex/browser. Effects that the query raises are forwarded. */
  override async query<Query extends AnyQuery>(
    query: Query,
    args: FunctionArgs<Query>,
  ): Promise<Awaited<FunctionReturnType<Query>>> {
    if (this.disabled) return await super.query(query, args);
    const value = await this.lazyQueries.once(this.asked(query, args));
    return value as Awaited<FunctionReturnType<Query>>;
  }

  /** As in convex/browser. An optimistic update gets the queries' arguments and values as the app knows them. */
  override async mutation<Mutation extends AnyMutation>(
    mutation: Mutation,
    args: FunctionArgs<Mutation>,
    options?: MutationOptions,
  ): Promise<Awaited<FunctionReturnType<Mutation>>> {
    const update = options?.optimisticUpdate;
    if (update === undefined) return await super.mutation(mutation, args, options);
    return await super.mutation(mutation, args, { ...options, optimisticUpdate: unmarked(update) });
  }

  /** As in convex/browser. */
  override async close(): Promise<void> {
    this.lazyQueries.close();
    await super.close();
  }

  private asked<Query extends AnyQuery>(query: Query, args: FunctionArgs<Query>): SubscribedQuery {
    const name = getFunctionName(query);
    return {
      name,
      args: args as Args,
      subscribe: (asked, onChange) => super.onUpdate(query, asked, onChange, onChange),
      result: this.resultOf(name),
    };
  }

  private resultOf(name: string): SubscribedQuery["result"] {
    return (args) => this.localResult?.(name, args);
  }
}
