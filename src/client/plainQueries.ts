import { ConvexError } from "convex/values";
import type { Args } from "./askOnce.js";
import { isMarkable } from "./envelope.js";

/**
 * How long a query counts as plain. Not for ever: production deployments do not say why a function failed, and an app
 * may add the transport while its clients run.
 */
const KNOWN_FOR_MS = 10 * 60_000;

/** The names of queries that refuse the mark, and are called without it. */
export class PlainQueries {
  private readonly knownUntil = new Map<string, number>();

  add(name: string): void {
    this.knownUntil.set(name, Date.now() + KNOWN_FOR_MS);
  }

  /** Whether a call must be made without the mark. */
  has({ name, args }: { name: string; args: Args }): boolean {
    return (this.knownUntil.get(name) ?? 0) > Date.now() || !isMarkable(args);
  }
}

/**
 * The error of a function whose validator does not know the mark; in production, the error of any function that fails.
 * `ConvexClient` and `ConvexReactClient` put the query's name before it.
 */
const REFUSAL =
  /^(\[CONVEX .+?\] )?(\[Request ID: .+?\] )?Server Error\s*($|Called by client|ArgumentValidationError: .*field `lazyViews`)/;

/**
 * Whether a marked call may have failed because of the mark: the deployment has answered, and the function has not
 * thrown a `ConvexError`. Errors of the network, of a proxy or of a deployment that is down say nothing about the
 * query.
 */
export function mayBeRefusal(error: unknown): boolean {
  return error instanceof Error && !(error instanceof ConvexError) && REFUSAL.test(error.message);
}
