import type { Value } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import type { Computed } from "../model/jobs.js";
import type { Key } from "../model/row.js";
import type { AnyQueryCtx } from "../schema.js";
import { probeTexts } from "../staleness/judge.js";

/**
 * Computes a key's value with a ctx that reads.
 *
 * @throws What `compute` throws, or an Error when the value does not fit the view.
 */
export async function computeValue(reader: AnyQueryCtx, view: ViewDefinition, key: Key): Promise<Computed> {
  const value = view.checkValue(await view.compute(reader, key.args as never)) as Value;
  const probes = await probeTexts(reader, view, key.args);
  const asOf = reader.meta.getSnapshotTs();
  return { value, version: view.version, asOf, ...(probes && { probes }) };
}
