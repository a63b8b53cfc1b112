import type { Value } from "convex/values";

/*
 * The transport `client`: a caller that knows the library marks its call with one more argument, and gets the query's
 * value in an envelope, with the sealed effects that the query raised. It takes the value out, and forwards the seals
 * to the mutation that the envelope names. Calls that are not marked get the plain value.
 */

/** The name of the argument that marks a call, and of the field that tells an envelope from a value. */
export const MARK = "lazyViews";

/** The mark of a client, which forwards the seals. That of a function on the server is a text that only it can make. */
export const CLIENT = "client";

export const MAX_FORWARDED_SEALS = 16; // The seals that one call of the forwarding mutation takes.

/** What a marked call gets. */
export interface Envelope {
  value: Value;
  /** Sealed recomputes. While they stay the answer, their rows are not fresh: they may be forwarded again. */
  seals: string[];
  /** Other sealed effects, which are forwarded once for each answer. */
  once: string[];
  /** Function path of the mutation that takes the seals: `lazy:forward`. */
  forward: string;
  /** What a value cannot have: for a client `UNSTORABLE`, for a function on the server a proof. */
  [MARK]: Value;
}

/** Convex stores documents of 16 levels at most, while a function may return 64: no document of a user contains this. */
export const MAX_DOCUMENT_NESTING = 16;
export const UNSTORABLE = JSON.parse("[".repeat(MAX_DOCUMENT_NESTING) + "]".repeat(MAX_DOCUMENT_NESTING)) as Value;

/** The arguments of a marked call. */
export function marked<Args extends Record<string, unknown>>(args: Args, mark = CLIENT): Args {
  return { ...args, [MARK]: mark };
}
