import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { type Envelope, MAX_FORWARDED_SEALS } from "../effects/transports/envelope.js";

/** The parts of an envelope that are forwarded. */
export type Sealed = Pick<Envelope, "seals" | "forward">;

/** Calls the mutation at the path `forward` with `{ seals }`. */
export type CallForward = (forward: string, seals: string[]) => Promise<unknown>;

/** Forwards seals in the background. The app gets no error: the first failure is logged. */
export class Outbox {
  private readonly underWay = new Set<Promise<void>>();
  private hasWarned = false;
  /**
   * How long the deployment took for its last answer, in ms: to a forward or, in clients that subscribe, to a query.
   * The first answers may include the time that the connection takes.
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
 * Forwards over HTTP, also for clients that have a WebSocket. On a WebSocket, the app would notice it: mutations run
 * one after the other, a page that is closed asks the user while one is under way, and apps show unsaved changes.
 *
 * The call has no identity. It needs none, because seals prove that the server made them; and no answer of a query must
 * be able to call a mutation as the user.
 */
export function forwardTo(url: string, options: { fetch?: typeof fetch } = {}): CallForward {
  let client: ConvexHttpClient | undefined;
  return async (forward, seals) => {
    client ??= new ConvexHttpClient(url, { ...options, skipConvexDeploymentUrlCheck: true, logger: false });
    const mutation = makeFunctionReference<"mutation">(forward);
    await client.mutation(mutation, { seals }, { skipQueue: true });
  };
}
