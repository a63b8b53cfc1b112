import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { applyValue, type Key } from "../model/row.js";
import { findRun } from "../model/run.js";
import type { StoredRow } from "../schema.js";
import { canonicalText } from "../values/canonical.js";
import { complain, reasonOf } from "../values/describe.js";
import { isLeased, lookUp, markKey } from "./mark.js";

/**
 * Brings the row of a key up to date with one change of a source, in the change's own transaction. Returns it if marked.
 *
 * - No row → nothing to do, but for a run that lasts.
 * - The row is marked, of another version, or being recomputed; its view has leases, and the row none; or
 *   `applyChange` cannot tell, or fails → it is marked as out of date.
 * - Else its value is replaced, and nothing else: tags and ages count from the snapshot that it was computed from.
 */
export async function applyToRow(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  change: object,
  by: string,
): Promise<StoredRow | null> {
  if (execution.marked.has(markOf(view, key.text))) return null;
  const row = await lookUp(execution, view, key);
  const isCurrent =
    row &&
    row.version === view.version &&
    row.dirtyAt === undefined &&
    row.seq === undefined &&
    (view.leaseMs === undefined || isLeased(view, row, Date.now())) &&
    !(await findRun(execution.db, view, key.text));
  const value = isCurrent ? newValue(view, key, row, change) : undefined;
  if (!isCurrent || value === undefined) return await markKey(execution, view, key, by, row);
  execution.rows.get(view.name)?.set(key.text, { ...row, value });
  await applyValue(execution.watched, view, row, value);
  return null;
}

/** @returns Undefined when the value must be computed anew. */
function newValue(view: ViewDefinition, key: Key, row: StoredRow, change: object): unknown {
  try {
    const value = view.applyChange?.(row.value as never, change as never, key.args as never);
    if (value === undefined) return undefined;
    const checked = view.checkValue(value);
    // The schema has transformed the stored value before. Once more must not change it.
    if (checked === value || canonicalText(view.checkValue(checked)) === canonicalText(checked)) return checked;
    throw new Error("its schema transforms its own output again; transform the value in compute instead.");
  } catch (error) {
    const what = `view "${view.name}": applyChange failed for ${row.key}, whose row will be computed anew`;
    complain(`${what}: ${reasonOf(error)}`);
    return undefined;
  }
}
