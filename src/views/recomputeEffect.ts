import type { Value } from "convex/values";
import type { Effect } from "../effects/effect.js";
import type { ViewDefinition } from "./definition.js";
import type { Key } from "./keys.js";

/** The effect that asks for a key to be recomputed, raised by a reader who saw the row at `seq`. */
export function recomputeEffect(
  target: string,
  view: ViewDefinition,
  key: Key,
  seq?: number,
): Effect {
  const args: Record<string, Value> = { view: view.name, args: key.args };
  return { target, args, windowMs: view.windowMs, ...(seq === undefined ? {} : { seq }) };
}
