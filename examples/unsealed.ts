import type { JSONValue } from "convex/values";
import { openSeal } from "./openSeal";

/** A console message as the demo shows it: a seal is replaced by `lazy-views effects` and the JSON of the effects. */
export function unsealed(message: string, secret: string): string {
  const effects = openSeal(message, secret);
  return effects === null ? message : `lazy-views effects ${effects}`;
}

/** A query's result as the demo shows it: in the envelope for a client that forwards effects, the seals are opened. */
export function unsealedResult(result: JSONValue, secret: string): JSONValue {
  if (typeof result !== "object" || result === null || Array.isArray(result) || !("lazyViews" in result)) return result;
  const { seals = [], once = [] } = result as { seals?: string[]; once?: string[] };
  const open = (each: string[]) => each.map((seal) => unsealed(seal, secret));
  return { ...result, seals: open(seals), once: open(once) };
}
