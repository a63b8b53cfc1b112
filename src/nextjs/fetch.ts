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
 * `fetchQuery` of convex/nextjs, for the transport `client`. Returns the value at once, and forwards the effects of the
 * query in the background. If your server may stop the process after the response, as for serverless functions, make it
 * wait for {@link forwarded}.
 *
 * @example
 * ```ts
 * import { fetchQuery, forwarded } from "convex-lazy-views/nextjs";
 * import { after } from "next/server";
 *
 * const stats = await fetchQuery(api.dashboard.stats, { airport: "SFO" });
 * after(forwarded);
 * ```
 */
export async function fetchQuery<Query extends AnyQuery>(
  query: Query,
  ...[args = {}, options = {}]: Call<Query>
): Promise<FunctionReturnType<Query>> {
  const name = getFunctionName(query);
  const { token: _, ...anonymously } = options; // `forwardTo` gives the reason.
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
 * `preloadQuery` of convex/nextjs, for the transport `client`. It forwards effects as {@link fetchQuery} does. Its result
 * is for `usePreloadedQuery`, of convex/react or of convex-lazy-views/react.
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

/** Resolves when each effect that was raised so far has been forwarded, or could not be. Never rejects. */
export async function forwarded(): Promise<void> {
  await outbox.emptied();
}
