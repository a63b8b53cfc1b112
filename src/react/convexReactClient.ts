import {
  type ConvexReactClientOptions,
  type MutationOptions,
  ConvexReactClient as PlainReactClient,
  type Watch,
  type WatchQueryOptions,
} from "convex/react";
import {
  type ArgsAndOptions,
  type FunctionArgs,
  type FunctionReturnType,
  getFunctionName,
  type OptionalRestArgs,
} from "convex/server";
import type { Value } from "convex/values";
import type { AnyMutation, AnyQuery } from "../client/anyQuery.js";
import type { Args } from "../client/askOnce.js";
import { unmarked } from "../client/optimistic.js";
import { forwardTo } from "../client/outbox.js";
import { SubscribedQueries, type SubscribedQuery } from "../client/subscribedQueries.js";
import { marked } from "../effects/transports/envelope.js";

/**
 * The `ConvexReactClient` of convex/react, for the transport `client`. It forwards the effects of its queries after a
 * short random delay, unless the row has become fresh by then. All hooks work with it as before, also those of
 * convex/react and of other packages.
 *
 * @example
 * ```tsx
 * import { ConvexProvider, ConvexReactClient } from "convex-lazy-views/react";
 * import { createRoot } from "react-dom/client";
 *
 * const client = new ConvexReactClient(import.meta.env.VITE_CONVEX_URL);
 * createRoot(root).render(<ConvexProvider client={client}><App /></ConvexProvider>);
 * ```
 */
export class ConvexReactClient extends PlainReactClient {
  private readonly lazyQueries: SubscribedQueries;

  constructor(address: string, options?: ConvexReactClientOptions) {
    super(address, options);
    this.lazyQueries = new SubscribedQueries(forwardTo(address));
  }

  /** As in convex/react. Effects that the query raises are forwarded. */
  override watchQuery<Query extends AnyQuery>(
    query: Query,
    ...[args, options]: ArgsAndOptions<Query, WatchQueryOptions>
  ): Watch<FunctionReturnType<Query>> {
    const asked = this.asked(query, args, options);
    return {
      onUpdate: (callback) => this.lazyQueries.subscribe(asked, callback),
      localQueryResult: () => this.lazyQueries.read(asked),
      journal: () => {
        const journal = asked.watch(marked(asked.args)).journal();
        return journal === undefined ? asked.watch(asked.args).journal() : journal;
      },
    };
  }

  /** As in convex/react. Effects that the query raises are forwarded. */
  override async query<Query extends AnyQuery>(
    query: Query,
    ...[args]: OptionalRestArgs<Query>
  ): Promise<FunctionReturnType<Query>> {
    return await this.lazyQueries.once(this.asked(query, args));
  }

  /** As in convex/react. An optimistic update gets the queries' arguments and values as the app knows them. */
  override mutation<Mutation extends AnyMutation>(
    mutation: Mutation,
    ...call: ArgsAndOptions<Mutation, MutationOptions<FunctionArgs<Mutation>>>
  ): Promise<FunctionReturnType<Mutation>> {
    const [args, options] = call;
    const update = options?.optimisticUpdate;
    if (update === undefined) return super.mutation(mutation, ...call);
    const optimistic = { ...options, optimisticUpdate: unmarked(update) };
    return super.mutation(mutation, ...([args, optimistic] as unknown as typeof call));
  }

  /** As in convex/react. */
  override async close(): Promise<void> {
    this.lazyQueries.close();
    await super.close();
  }

  private asked<Query extends AnyQuery>(
    query: Query,
    args: Args = {},
    options?: WatchQueryOptions,
  ): SubscribedQuery & { watch(asked: Args): Watch<Value> } {
    const watch = (asked: Args): Watch<Value> =>
      super.watchQuery(query, ...([asked, options] as unknown as ArgsAndOptions<Query, WatchQueryOptions>));
    return {
      name: getFunctionName(query),
      args,
      watch,
      subscribe: (asked, onChange) => watch(asked).onUpdate(onChange),
      result: (asked) => watch(asked).localQueryResult(),
    };
  }
}
