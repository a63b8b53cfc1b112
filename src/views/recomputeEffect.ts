import type { Value } from "convex/values";
import type { Effect } from "../effects/effect.js";
import type { ViewDefinition } from "./definition.js";
import type { Key } from "./keys.js";
import type { StoredRow } from "./rows.js";

/**
 * The effect that asks for a key to be recomputed.
 *
 * @param row - The row as it was seen, null when there was none; absent when nobody has looked.
 */
export function recomputeEffect(
  target: string,
  view: ViewDefinition,
  key: Key,
  row?: Pick<StoredRow, "seq" | "_creationTime"> | null,
): Effect {
  const args: Record<string, Value> = { view: view.name, args: key.args };
  const effect = { target, args, windowMs: view.windowMs };
  if (row === undefined) return effect;
  return row === null
    ? { ...effect, seq: 0 }
    : { ...effect, seq: row.seq, born: row._creationTime };
}
