import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import { applyValue, type Key } from "../model/row.js";
import { findRun } from "../model/run.js";
import type { AnyWriter, StoredRow } from "../schema.js";
import { reasonOf } from "../values/describe.js";
import { isLeased, isMarked, lookUp, markKey } from "./mark.js";
import type { Change } from "./watch.js";

/**
 * Brings the row of a key up to date with one change of a source, in the change's own transaction.
 *
 * - No row → nothing to do, but for a run that lasts.
 * - The row is marked, of another version, or being recomputed; or its view has leases, and the row none → it is
 *   marked as out of date, as without `applyChange`. So it is when `applyChange` cannot tell, or fails.
 * - Else its value is replaced, and nothing else: the row is still as of the snapshot that it was computed from, for
 *   its tags, and still of that age.
 *
 * @param watched - Tells the views whose source is this one.
 * @param change - As far as it is the key's own.
 */
export async function applyToRow(
  execution: MutationExecution,
  watched: AnyWriter,
  view: ViewDefinition,
  key: Key,
  change: Change,
): Promise<void> {
  if (isMarked(execution, view, key)) return;
  const row = await lookUp(execution, view, key);
  const run = await findRun(execution.db, view, key.text);
  const isCurrent = row !== null && run === null && isUpToDate(view, row);
  const value = isCurrent ? newValue(view, key, row, change) : undefined;
  if (value === undefined) return await markKey(execution, view, key, row ?? undefined);
  const current = row as StoredRow;
  execution.rows.get(view.name)?.set(key.text, { ...current, value });
  await applyValue(watched, view, current, value);
}

/** Whether the row has taken in every change before this one, and writes are to keep it so. */
function isUpToDate(view: ViewDefinition, row: StoredRow): boolean {
  const { version, dirtyAt, seq } = row;
  if (version !== view.version || dirtyAt !== undefined || seq !== undefined) return false;
  return view.leaseMs === undefined || isLeased(view, row, Date.now());
}

/** @returns Undefined when the value must be computed anew. */
function newValue(view: ViewDefinition, key: Key, row: StoredRow, change: Change): unknown {
  try {
    const value = view.applyChange?.(row.value as never, change as never, key.args as never);
    return value === undefined ? undefined : view.checkValue(value);
  } catch (error) {
    console.error(
      `convex-lazy-views: view "${view.name}": applyChange failed for ${row.key}, whose row will be computed anew: ${reasonOf(error)}`,
    );
    return undefined;
  }
}
