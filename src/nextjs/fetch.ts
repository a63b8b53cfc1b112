import * as nextjs from "convex/nextjs";
import type { Preloaded } from "convex/react";
import { type ArgsAndOptions, type FunctionReturnType, getFunctionName, makeFunctionReference } from "convex/server";
import { convexToJson } from "convex/values";
import type { AnyQuery } from "../client/anyQuery.js";
import { askOnce } from "../client/askOnce.js";
import { Outbox } from "../client/outbox.js";
import { PlainQueries } from "../client/plainQueries.js";

type Call<Query extends AnyQuery> = ArgsAndOptions<Query, nextjs.NextjsOptions>;

const outbox = new Outbox();
const plainQueries = new PlainQueries();

/**
 * `fetchQuery` of convex/nextjs, for the transport `client`: effects that the query raises are forwarded in the
 * background, and the value does not wait for that. Where the process may be stopped once the response is sent, as in
 * serverless functions, let it wait for `forwarded`:
 *
 * ```ts
 * const stats = await fetchQuery(api.dashboard.stats, { airport: "SFO" });
 * after(forwarded); // `after` of next/server
 * ```
 */
export async function fetchQuery<Query extends AnyQuery>(
  query: Query,
  ...[args = {}, options = {}]: Call<Query>
): Promise<FunctionReturnType<Query>> {
  const name = getFunctionName(query);
  const { token: _, ...anonymously } = options; // For the reason that `forwardTo` gives.
  return await askOnce(
    { name: `${options.url ?? ""} ${name}`, args, plain: plainQueries },
    (asked) => nextjs.fetchQuery(query, ...([asked, options] as unknown as Call<Query>)),
    (sealed) =>
      outbox.post(sealed, (forward, seals) =>
        nextjs.fetchMutation(makeFunctionReference<"mutation">(forward), { seals }, anonymously),
      ),
  );
}

/**
 * `preloadQuery` of convex/nextjs, for the transport `client`, which forwards as `fetchQuery` does. The payload is the
 * same as there, for the `usePreloadedQuery` of either package.
 */
export async function preloadQuery<Query extends AnyQuery>(
  query: Query,
  ...call: Call<Query>
): Promise<Preloaded<Query>> {
  const value = await fetchQuery(query, ...call);
  return {
    _name: getFunctionName(query),
    _argsJSON: convexToJson(call[0] ?? {}),
    _valueJSON: convexToJson(value),
  } as unknown as Preloaded<Query>;
}

/** Resolves when the effects that were raised so far are forwarded, or could not be. */
export async function forwarded(): Promise<void> {
  await outbox.emptied();
}
