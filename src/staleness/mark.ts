import { dispatchOne } from "../effects/dispatch.js";
import { sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { findRow, type Key, MissingTableError, markRow, recomputeEffect, workMs } from "../model/row.js";
import { findRun, touchRun } from "../model/run.js";
import type { Asked, Row, Seen, StoredRow } from "../schema.js";
import { GRACE_MS, LONGEST_GRACE_MS } from "../times.js";
import { reasonOf } from "../values/describe.js";

/**
 * Marks the row of a key as out of date, in the mutation's turn, by a kind of change such as "insert into flights".
 *
 * - A run lasts → it notes that something has changed since its begin.
 * - Marked already → only a mark older than the grace is set again: subscribers run once more and raise their effect,
 *   in case it was lost. The grace doubles each time.
 * - The row is leased → its recompute is scheduled, and the row announces it: readers raise nothing.
 * @returns The row; null also when this mutation has marked it before.
 * @throws Error when the mutation has no room left to look rows up, or to mark them.
 */
export async function markKey(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  by: string,
  known?: StoredRow | null,
): Promise<StoredRow | null> {
  const { db, ledger, marked } = execution;
  const mark = markOf(view, key.text);
  if (marked.has(mark)) return null;
  let row: StoredRow | null;
  try {
    row = known === undefined ? await lookUp(execution, view, key) : known;
    const now = Date.now();
    const lasting = findRun(db, view, key.text);
    const run = lasting && (await lasting);
    if (run) await touchRun(ledger.db, run, now);
    if (row && !isMarkedLately(view, row, now)) {
      const isAnnounced = isLeased(view, row, now) && (await recomputeSoon(execution, view, key, row));
      await markRow(db, view, row, by, isAnnounced);
      if (isAnnounced) await sweepWhenDue(ledger, view.name, { expiresAt: now + workMs(view), now });
    }
  } catch (error) {
    if (error instanceof MissingTableError) throw error;
    throw notMarked(execution, `view "${view.name}": the row ${key.text} could not be marked`, error);
  }
  marked.add(mark);
  return row;
}

/** Whether a row has a mark that counts: for the grace, and for as long as a recompute that was announced may take. */
function isMarkedLately(view: ViewDefinition, { dirtyAt, nudgedAt, pendingUntil }: Row, now: number): boolean {
  if (dirtyAt === undefined) return false;
  const lastMark = nudgedAt ?? dirtyAt;
  const graceMs = Math.min(Math.max(lastMark - dirtyAt, GRACE_MS), LONGEST_GRACE_MS);
  return Math.abs(now - lastMark) <= graceMs + (pendingUntil === undefined ? 0 : workMs(view));
}

/** Whether writes have the row recomputed. */
export function isLeased({ leaseMs }: ViewDefinition, { leaseUntil = 0 }: Row, now: number): boolean {
  return leaseMs !== undefined && leaseUntil > now;
}

/** Has a row recomputed, or a key that has none. Returns whether Convex took the job. */
export async function recomputeSoon({ ledger }: MutationExecution, view: ViewDefinition, key: Asked, row: Seen) {
  return (await dispatchOne(ledger, recomputeEffect(ledger.recompute, view, key, row), undefined, true)) !== "refused";
}

/** The row of a key. A mutation short of index ranges reads a view's rows as a whole, and conflicts with their commits. */
export async function lookUp(execution: MutationExecution, view: ViewDefinition, key: Key): Promise<StoredRow | null> {
  const { db, rows } = execution;
  if (!rows.has(view.name) && (await execution.isShortOfRanges())) {
    const all = await execution.readWhole(db.query(view.name) as AsyncIterable<unknown> as AsyncIterable<StoredRow>);
    rows.set(view.name, all && new Map(all.map((row) => [row.key, row])));
  }
  const all = rows.get(view.name);
  return all ? (all.get(key.text) ?? null) : await findRow(db, view, key.text);
}

/** The error for a change whose rows could not all be marked. */
export function notMarked({ marked }: MutationExecution, what: string, error: unknown): Error {
  return new Error(
    `convex-lazy-views: ${what}, after ${marked.size} other keys: ${reasonOf(error)} ` +
      "If the mutation is too large, write in smaller batches.",
    { cause: error },
  );
}
