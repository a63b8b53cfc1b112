import type { Value } from "convex/values";

/*
 * The transport `client`: a client of this library marks its call of a query by one more argument. It gets an envelope:
 * the query's value, and the sealed effects that the query raised. It takes the value out, and forwards the seals to
 * the mutation that the envelope names. Calls that are not marked get the plain value.
 */

/** The name of the argument that marks a call, and of the field by which an envelope differs from a value. */
export const MARK = "lazyViews";

/** The mark of a client. The mark of a function on the server is a text that only the server can make. */
export const CLIENT = "client";

export const MAX_FORWARDED_SEALS = 16; // Seals in one call of the forwarding mutation.

/** The answer to a marked call. */
export interface Envelope {
  value: Value;
  /** Sealed recomputes. While the answer has them, their rows are not fresh, so they may be forwarded again. */
  seals: string[];
  /** Other sealed effects. They are forwarded once for each answer. */
  once: string[];
  /** Function path of the mutation that takes the seals: `lazy:forward`. */
  forward: string;
  /** What no value has: for a client `UNSTORABLE`, for a function on the server a signature. */
  [MARK]: Value;
}

/**
 * A stored document has at most 16 levels, a function may return 64. So no document that a user stores has this value.
 */
export const MAX_DOCUMENT_NESTING = 16;
export const UNSTORABLE = JSON.parse("[".repeat(MAX_DOCUMENT_NESTING) + "]".repeat(MAX_DOCUMENT_NESTING)) as Value;

/** The arguments of a marked call. */
export function marked<Args extends Record<string, unknown>>(args: Args, mark = CLIENT): Args {
  return { ...args, [MARK]: mark };
}
