import type { GenericDatabaseWriter, GenericDataModel } from "convex/server";
import type { Value } from "convex/values";
import { isAhead } from "../effects/clock.js";
import { checkValue } from "../recompute/value.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";
import { findRow, type StoredRow } from "../views/rows.js";
import { type Invalidation, invalidateKey, markOf } from "./invalidate.js";

/**
 * Brings the row of a key up to date with one change of a source, in the change's own transaction.
 *
 * - No row → nothing to do.
 * - The row is marked, of another version, or being recomputed; or its view has leases, and the row none → it is
 *   marked as out of date, as without `applyChange`. So it is when `applyChange` cannot tell, or fails.
 * - Else its value is replaced, and nothing else: the row is still as of the snapshot that it was computed from, for
 *   its tags, and still of that age.
 *
 * @param db.reader - Also marks the row.
 * @param db.writer - Takes the new value.
 */
export async function applyToRow(
  { reader, writer }: Record<"reader" | "writer", GenericDatabaseWriter<GenericDataModel>>,
  view: ViewDefinition,
  key: Key,
  apply: (value: unknown) => Promise<unknown>,
  invalidation: Invalidation,
): Promise<void> {
  const { marks } = invalidation;
  const mark = markOf(view, key);
  if (!marks.isSure(mark)) return await invalidateKey(reader, view, key, invalidation);
  const row = await findRow(reader, view, key.text);
  if (row === null) return;
  const value = isUpToDate(view, row) ? await newValue(view, row, apply) : undefined;
  if (value === undefined) return await invalidateKey(reader, view, key, invalidation, row);
  marks.count(mark);
  await writer.patch(view.name, row._id, { value: value as Value });
}

/** Whether the row has taken in every change before this one, and writes are to keep it so. */
function isUpToDate({ version, leaseMs }: ViewDefinition, row: StoredRow): boolean {
  if (row.version !== version || row.dirtyAt !== undefined || row.refreshing !== undefined)
    return false;
  const now = Date.now();
  return leaseMs === undefined || isAhead(row.leaseUntil ?? now, now, leaseMs);
}

/** @returns Undefined when the value must be computed anew. */
async function newValue(
  view: ViewDefinition,
  row: StoredRow,
  apply: (value: unknown) => Promise<unknown>,
): Promise<unknown> {
  try {
    const value = await apply(row.value);
    return value === undefined ? undefined : checkValue(view, value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    console.error(
      `convex-lazy-views: view "${view.name}": applyChange failed for ${row.key}, whose row will be computed anew: ${reason}`,
    );
    return undefined;
  }
}
