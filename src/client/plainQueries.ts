import { ConvexError } from "convex/values";
import type { Args } from "./askOnce.js";
import { isMarkable } from "./envelope.js";

/**
 * How long a query is known as plain. Not for ever: production deployments do not say why a function failed, and an
 * app may turn the transport on while its clients run.
 */
const KNOWN_FOR_MS = 10 * 60_000;

/** The queries that refuse the mark, by name: those are asked without it. */
export class PlainQueries {
  private readonly knownUntil = new Map<string, number>();

  add(name: string): void {
    this.knownUntil.set(name, Date.now() + KNOWN_FOR_MS);
  }

  /** Whether a call is made without the mark. */
  has({ name, args }: { name: string; args: Args }): boolean {
    return (this.knownUntil.get(name) ?? 0) > Date.now() || !isMarkable(args);
  }
}

/**
 * What a deployment answers when the validator of a function's arguments does not know the mark; in production, when a
 * function fails for any reason. `ConvexClient` and `ConvexReactClient` put the query's name before it.
 */
const REFUSAL =
  /^(\[CONVEX .+?\] )?(\[Request ID: .+?\] )?Server Error\s*($|Called by client|ArgumentValidationError: .*field `lazyViews`)/;

/**
 * Whether a marked call may have failed because of the mark: the function has answered, and not with an error of its
 * own. A network error, or a deployment or proxy that is out of order, says nothing of the query.
 */
export function mayBeRefusal(error: unknown): boolean {
  return error instanceof Error && !(error instanceof ConvexError) && REFUSAL.test(error.message);
}
