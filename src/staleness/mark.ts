import { dispatchOne } from "../effects/dispatch.js";
import { sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { applyValue, findRow, MissingTableError, markRow, recomputeEffect, workMs } from "../model/row.js";
import { findRun, touchRun } from "../model/run.js";
import type { Asked, Row, Seen, StoredRow } from "../schema.js";
import { GRACE_MS, LONGEST_GRACE_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { complain, reasonOf } from "../values/describe.js";

/**
 * Marks the row of a key as out of date, when it is the mutation's turn. Or, where the view can, it applies the change
 * to the value.
 *
 * - The row is fresh, is not being recomputed and, in a view with `lease`, is leased; and `applyChange` returns a value
 *   → stores that value, and changes nothing else: tags and ages count from the snapshot that the row was computed
 *   from.
 * - A run of the key lasts → notes in the run that something has changed since it began.
 * - The row has a mark already → sets it again only when it is older than the grace. Then subscribers run once more,
 *   and raise their effect again, in case it was lost. The grace doubles each time.
 * - The row is leased → schedules its recompute, and announces it in the row, so that readers raise nothing.
 *
 * @param key - The canonical text of the key.
 * @param by - The kind of change, such as "insert into flights", which the mark stores.
 * @param change - The change of a source, if it may be applied.
 * @returns The row when it is marked now; null when there is none, or this mutation has marked it before.
 * @throws Error, when the transaction has no room left to look rows up, or to mark them.
 */
export async function markKey(
  execution: MutationExecution,
  view: ViewDefinition,
  key: string,
  by: string,
  change?: object,
): Promise<StoredRow | null> {
  const { db, ledger, marked } = execution;
  const mark = markOf(view, key);
  if (marked.has(mark)) return null;
  let row: StoredRow | null;
  let value: unknown;
  try {
    row = await lookUp(execution, view, key);
    const now = Date.now();
    const lasting = findRun(db, view, key);
    const run = lasting && (await lasting);
    if (change && row && !run && isCurrent(view, row, now)) value = newValue(view, row, change);
    if (run) await touchRun(ledger.db, run, now);
    if (row && value === undefined && !isMarkedLately(view, row, now)) {
      const isAnnounced = isLeased(view, row, now) && (await recomputeSoon(execution, view, row, row));
      await markRow(db, view, row, by, isAnnounced);
      execution.wakesReaders ||= !isAnnounced;
      if (isAnnounced) await sweepWhenDue(ledger, view.name, now + workMs(view));
    }
  } catch (error) {
    if (error instanceof MissingTableError) throw error;
    throw notMarked(execution, `view "${view.name}": the row ${key} could not be marked`, error);
  }
  if (row && value !== undefined) {
    execution.rows.get(view.name)?.set(key, { ...row, value });
    await applyValue(execution.watched, view, row, value);
    return null;
  }
  marked.add(mark);
  return row;
}

/** Whether a row had the right value just before the change, so that the change can be applied to it. */
function isCurrent(view: ViewDefinition, row: StoredRow, now: number): boolean {
  const isUnmarked = row.version === view.version && row.dirtyAt === undefined && row.seq === undefined;
  return isUnmarked && (view.leaseMs === undefined || isLeased(view, row, now));
}

/** The value after a change; undefined when it must be computed anew. */
function newValue(view: ViewDefinition, row: StoredRow, change: object): unknown {
  try {
    const value = view.applyChange?.(row.value as never, change as never, row.args as never);
    if (value === undefined) return undefined;
    const checked = view.checkValue(value);
    // The schema has transformed the stored value already. To do it once more must not change the value.
    if (checked === value || canonicalText(view.checkValue(checked)) === canonicalText(checked)) return checked;
    throw new Error("its schema transforms its own output again; transform the value in compute instead.");
  } catch (error) {
    const what = `view "${view.name}": applyChange failed for ${row.key}, whose row will be computed anew`;
    complain(`${what}: ${reasonOf(error)}`);
    return undefined;
  }
}

/**
 * Whether a row's last mark is recent: no older than the grace and, if a recompute is announced, what that may take.
 */
function isMarkedLately(view: ViewDefinition, { dirtyAt, nudgedAt, pendingUntil }: Row, now: number): boolean {
  if (dirtyAt === undefined) return false;
  const lastMark = nudgedAt ?? dirtyAt;
  const graceMs = Math.min(Math.max(lastMark - dirtyAt, GRACE_MS), LONGEST_GRACE_MS);
  return Math.abs(now - lastMark) <= graceMs + (pendingUntil === undefined ? 0 : workMs(view));
}

/** Whether writes schedule the recomputes of a row. */
export const isLeased = ({ leaseMs }: ViewDefinition, { leaseUntil = 0 }: Row, now: number): boolean =>
  leaseMs !== undefined && leaseUntil > now;

/** Schedules the recompute of a key, with or without a row. Returns whether Convex has accepted the job. */
export async function recomputeSoon({ ledger }: MutationExecution, view: ViewDefinition, key: Asked, row: Seen) {
  return (await dispatchOne(ledger, recomputeEffect(ledger.recompute, view, key, row), undefined, true)) !== "refused";
}

/**
 * The row of a key. A mutation that runs short of index ranges reads all rows of the view, and conflicts with their
 * commits.
 */
async function lookUp(execution: MutationExecution, view: ViewDefinition, key: string): Promise<StoredRow | null> {
  const { db, rows } = execution;
  if (!rows.has(view.name) && (await execution.isShortOfRanges())) {
    const all = await execution.readWhole(db.query(view.name) as AsyncIterable<unknown> as AsyncIterable<StoredRow>);
    rows.set(view.name, all && new Map(all.map((row) => [row.key, row])));
  }
  const all = rows.get(view.name);
  return all ? (all.get(key) ?? null) : await findRow(db, view, key);
}

/** The error of a change whose rows could not all be marked. */
export function notMarked({ marked }: MutationExecution, what: string, error: unknown): Error {
  const reason = `${reasonOf(error)} If the mutation is too large, write in smaller batches.`;
  return new Error(`convex-lazy-views: ${what}, after ${marked.size} other keys: ${reason}`, { cause: error });
}
