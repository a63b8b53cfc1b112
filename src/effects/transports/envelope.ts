import type { Value } from "convex/values";

/*
 * The transport `client`: a caller that knows the library marks its call with one more argument, and gets the query's
 * value in an envelope, with the sealed effects that the query raised. It takes the value out, and forwards the seals
 * to the mutation that the envelope names. Calls that are not marked get the plain value.
 */

/** The name of the argument that marks a call. */
export const MARK = "lazyViews";

/**
 * Who marked the call:
 * - `client`: a client's wrapper, which forwards the seals.
 * - `caller`: a function of this library that runs the query; it dispatches the effects as its own.
 */
export type Mark = "client" | "caller";

/** The seals that one call of the forwarding mutation takes. */
export const MAX_FORWARDED_SEALS = 16;

/** What a marked call gets. */
export interface Envelope {
  value: Value;
  /**
   * Sealed recomputes, each a line shorter than 4,000 bytes; empty when none was raised. While they stay the answer,
   * their rows are not fresh, so they may be forwarded again.
   */
  seals: string[];
  /** The same of other effects, which are forwarded once for each answer. */
  once: string[];
  /** Function path of the mutation that takes the seals: `lazy:forward`. */
  forward: string;
}

/** The arguments of a marked call. */
export function marked<Args extends Record<string, unknown>>(args: Args, mark: Mark): Args {
  return { ...args, [MARK]: mark };
}

/** Whether an answer has exactly the form of an envelope; anything else is a value. */
export function isEnvelope(answer: unknown): answer is Envelope {
  if (typeof answer !== "object" || answer === null) return false;
  const { value, seals, once, forward, ...rest } = answer as Partial<Envelope>;
  return (
    value !== undefined &&
    areTexts(seals) &&
    areTexts(once) &&
    typeof forward === "string" &&
    Object.keys(rest).length === 0
  );
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** All seals of an envelope, for a caller that forwards them once. */
export function allSeals({ seals, once, forward }: Omit<Envelope, "value">) {
  return { seals: [...once, ...seals], forward };
}
