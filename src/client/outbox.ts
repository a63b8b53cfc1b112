import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { type Envelope, MAX_FORWARDED_SEALS } from "../effects/transports/envelope.js";

/** What of an envelope is forwarded. */
export type Sealed = Pick<Envelope, "seals" | "forward">;

/** Calls the mutation at the path `forward` with `{ seals }`. */
export type CallForward = (forward: string, seals: string[]) => Promise<unknown>;

/** Forwards seals in the background. A failure never reaches the app: the console says it, once. */
export class Outbox {
  private readonly underWay = new Set<Promise<void>>();
  private hasWarned = false;
  /**
   * How long the deployment took for the answer that came last, in ms: of a forward or, in clients that subscribe, of a
   * query. The first answers of a page may include the time of its connection; later ones do not.
   */
  latencyMs = 0;

  post({ seals, forward }: Sealed, call: CallForward): void {
    for (let start = 0; start < seals.length; start += MAX_FORWARDED_SEALS) {
      const sent = this.send(forward, seals.slice(start, start + MAX_FORWARDED_SEALS), call);
      this.underWay.add(sent);
      sent.finally(() => this.underWay.delete(sent));
    }
  }

  /** Resolves when everything that was posted so far has been forwarded, or has failed. */
  async emptied(): Promise<void> {
    await Promise.all(this.underWay);
  }

  private async send(forward: string, seals: string[], call: CallForward): Promise<void> {
    const sentAt = Date.now();
    try {
      await call(forward, seals);
      this.latencyMs = Date.now() - sentAt;
    } catch (error) {
      if (this.hasWarned) return;
      this.hasWarned = true;
      console.warn(
        `convex-lazy-views: effects were not forwarded to the mutation "${forward}". Export it from ` +
          "lazy.functions(), and let this client reach the deployment over HTTP. " +
          `(${error instanceof Error ? error.message : error})`,
      );
    }
  }
}

/**
 * Forwards over HTTP, also for clients that have a WebSocket. There, mutations run one after another, a page asks
 * before it is closed while one is under way, and apps show it as unsaved; forwarding must not be noticed.
 *
 * It is not authenticated: seals prove by themselves that the server made them, and no answer of a query may have a
 * mutation called in the user's name.
 */
export function forwardTo(url: string, options: { fetch?: typeof fetch } = {}): CallForward {
  let client: ConvexHttpClient | undefined;
  return async (forward, seals) => {
    client ??= new ConvexHttpClient(url, { ...options, skipConvexDeploymentUrlCheck: true, logger: false });
    const mutation = makeFunctionReference<"mutation">(forward);
    await client.mutation(mutation, { seals }, { skipQueue: true });
  };
}
