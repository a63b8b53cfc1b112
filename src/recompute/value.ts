import { canonicalText } from "../effects/canonical.js";
import { probeTexts } from "../staleness/judge.js";
import type { AnyQueryCtx } from "../staleness/predicate.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";

/** What a recompute found out, before it is committed. */
export interface Computed {
  value: unknown;
  /** The view's version in the code that computed it: another one may be deployed before the commit. */
  version: number;
  /** What the probes said. */
  probes?: string[];
  /** The snapshot that the value was computed from, in nanoseconds since 1970. */
  asOf: bigint;
}

/**
 * Computes a key's value with a ctx that reads.
 *
 * @throws What `compute` throws, or an Error when the value does not fit the view.
 */
export async function computeValue(
  reader: AnyQueryCtx,
  view: ViewDefinition,
  key: Key,
): Promise<Computed> {
  const value = checkValue(view, await view.compute(reader, key.args as never));
  const probes = await probeTexts(reader, view, key.args);
  const asOf = reader.meta.getSnapshotTs();
  return { value, version: view.version, asOf, ...(probes === undefined ? {} : { probes }) };
}

/** @throws Error when the value does not fit the view, or is not a Convex value. */
export function checkValue(view: ViewDefinition, value: unknown): unknown {
  const checked = view.checkValue(value);
  canonicalText(checked, `view "${view.name}": value`);
  return checked;
}
