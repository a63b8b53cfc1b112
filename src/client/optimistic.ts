import type { OptimisticLocalStore, OptimisticUpdate } from "convex/browser";
import type { FunctionArgs, FunctionReturnType, OptionalRestArgs } from "convex/server";
import { convexToJson, type Value } from "convex/values";
import { CLIENT, type Envelope, MARK, marked, UNSTORABLE } from "../effects/transports/envelope.js";
import type { AnyQuery } from "./anyQuery.js";
import type { Args } from "./askOnce.js";
import { isEnvelope } from "./envelope.js";
import { valueIn } from "./subscribedQueries.js";

/** Makes an optimistic update see plain arguments and plain values in its store, also of marked queries. */
export function unmarked<MutationArgs extends Args>(
  update: OptimisticUpdate<MutationArgs>,
): OptimisticUpdate<MutationArgs> {
  return (store, args) => update(new UnmarkedStore(store), args);
}

/** Writes to the marked and to the plain query. Reads the marked one first, as clients do. */
class UnmarkedStore implements OptimisticLocalStore {
  constructor(private readonly store: OptimisticLocalStore) {}

  getQuery<Query extends AnyQuery>(
    query: Query,
    ...[args = {}]: OptionalRestArgs<Query>
  ): FunctionReturnType<Query> | undefined {
    return this.get(query, args);
  }

  getAllQueries<Query extends AnyQuery>(
    query: Query,
  ): { args: FunctionArgs<Query>; value: FunctionReturnType<Query> | undefined }[] {
    const argsByKey = new Map<string, Args>();
    for (const { args } of this.store.getAllQueries(query)) {
      const { [MARK]: mark, ...rest } = args as Args;
      const plainArgs = mark === CLIENT ? rest : (args as Args);
      argsByKey.set(JSON.stringify(convexToJson(plainArgs)), plainArgs);
    }
    return [...argsByKey.values()].map((args) => ({ args: args as FunctionArgs<Query>, value: this.get(query, args) }));
  }

  setQuery<Query extends AnyQuery>(
    query: Query,
    args: FunctionArgs<Query>,
    value: FunctionReturnType<Query> | undefined,
  ): void {
    const markedArgs = marked(args as Args) as FunctionArgs<Query>;
    this.store.setQuery(query, markedArgs, this.enveloped(query, markedArgs, value));
    this.store.setQuery(query, args, value);
  }

  private get<Query extends AnyQuery>(query: Query, args: Args) {
    const at = (asked: Args) => this.store.getQuery(query, ...([asked] as OptionalRestArgs<Query>));
    const answer: Value | undefined = at(marked(args));
    return answer === undefined ? at(args) : valueIn(answer);
  }

  /** A value in an envelope, with the recomputes of the query's answer. Other effects are due already. */
  private enveloped<Query extends AnyQuery>(query: Query, markedArgs: Args, value: Value | undefined) {
    if (value === undefined) return undefined;
    const answer: unknown = this.store.getQuery(query, ...([markedArgs] as OptionalRestArgs<Query>));
    const { seals, forward } = isEnvelope(answer) ? answer : { seals: [], forward: "" };
    return { value, seals, once: [], forward, [MARK]: UNSTORABLE } satisfies Envelope;
  }
}
