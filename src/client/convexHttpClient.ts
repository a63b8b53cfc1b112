import { ConvexHttpClient as PlainHttpClient } from "convex/browser";
import { type FunctionReturnType, getFunctionName, type OptionalRestArgs } from "convex/server";
import type { AnyQuery } from "./anyQuery.js";
import { type Args, askOnce } from "./askOnce.js";
import { type CallForward, forwardTo, Outbox } from "./outbox.js";
import { PlainQueries } from "./plainQueries.js";

/**
 * The `ConvexHttpClient` of convex/browser, for the transport `client`. It forwards the effects of its queries at once,
 * in the background. Everything else works as in convex/browser.
 *
 * @example
 * ```ts
 * import { ConvexHttpClient } from "convex-lazy-views/client";
 *
 * const client = new ConvexHttpClient("https://happy-animal-123.convex.cloud");
 * const stats = await client.query(api.dashboard.stats, { airport: "SFO" });
 * ```
 */
export class ConvexHttpClient extends PlainHttpClient {
  private readonly plainQueries = new PlainQueries();
  private readonly outbox = new Outbox();
  private readonly callForward: CallForward;

  constructor(address: string, options: ConstructorParameters<typeof PlainHttpClient>[1] = {}) {
    super(address, options);
    const { fetch } = options;
    this.callForward = forwardTo(address, fetch === undefined ? {} : { fetch });
  }

  /** As in convex/browser. Effects that the query raises are forwarded. */
  override async query<Query extends AnyQuery>(
    query: Query,
    ...[args]: OptionalRestArgs<Query>
  ): Promise<FunctionReturnType<Query>> {
    return await this.ask(query, args, (asked) => super.query(query, ...asked));
  }

  /** @deprecated As in convex/browser: this API is experimental. */
  override async consistentQuery<Query extends AnyQuery>(
    query: Query,
    ...[args]: OptionalRestArgs<Query>
  ): Promise<FunctionReturnType<Query>> {
    return await this.ask(query, args, (asked) => super.consistentQuery(query, ...asked));
  }

  /**
   * Resolves when each effect that was raised so far has been forwarded, or could not be. Never rejects. Wait for it in
   * a serverless function, which may be stopped after its response.
   *
   * @example
   * ```ts
   * waitUntil(client.forwarded());
   * ```
   */
  async forwarded(): Promise<void> {
    await this.outbox.emptied();
  }

  private async ask<Query extends AnyQuery>(
    query: Query,
    args: Args = {},
    ask: (args: OptionalRestArgs<Query>) => Promise<FunctionReturnType<Query>>,
  ): Promise<FunctionReturnType<Query>> {
    return await askOnce(
      { name: getFunctionName(query), args, plain: this.plainQueries },
      (asked) => ask([asked] as OptionalRestArgs<Query>),
      (sealed) => this.outbox.post(sealed, this.callForward),
    );
  }
}
