import { dispatchOne } from "../effects/dispatch.js";
import { sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, type Key, MissingTableError, markRow, recomputeEffect, workMs } from "../model/row.js";
import { findRun, touchRun } from "../model/run.js";
import type { Row, StoredRow } from "../schema.js";
import { GRACE_MS, LONGEST_GRACE_MS } from "../times.js";
import { reasonOf } from "../values/describe.js";

/** How many rows are read before the transaction's room is asked for again. */
const ROWS_A_CHECK = 100;
/** Rows of one view that are read as a whole, in place of a look-up for each key. */
const MAX_ROWS = 4_000;

/**
 * Marks the row of a key as out of date, and tells its run; in the mutation's turn.
 *
 * - A run lasts → it notes that something has changed since its begin.
 * - Marked already → only a mark older than the grace is set again: subscribers run once more and raise their effect,
 *   in case it was lost. The grace doubles each time.
 * - The row is leased → its recompute is scheduled, and the row announces it: readers raise nothing.
 *
 * @param markedBy - The kind of the change, such as "insert into flights".
 * @param known - The row, where it has just been looked up.
 * @returns The row; null also when this mutation has marked it before.
 * @throws Error when the mutation has no room left to look rows up, or to mark them.
 */
export async function markKey(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  markedBy: string,
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
      await markRow(db, view, row, now, { markedBy, isAnnounced });
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
export async function recomputeSoon(
  { ledger }: MutationExecution,
  view: ViewDefinition,
  key: { args: unknown },
  row: Pick<Row, "asOf"> | null,
): Promise<boolean> {
  const effect = recomputeEffect(ledger.recompute, view, key, row);
  return (await dispatchOne(ledger, effect, undefined, true)) !== "refused";
}

/**
 * The row of a key. A mutation that is about to run out of index ranges reads a view's rows as a whole instead, where
 * they are few: it then conflicts with each recompute of that view.
 */
export async function lookUp(execution: MutationExecution, view: ViewDefinition, key: Key): Promise<StoredRow | null> {
  const { rows } = execution;
  if (!(await execution.isShortOfRanges())) return await findRow(execution.db, view, key.text);
  if (!rows.has(view.name)) rows.set(view.name, await readAll(execution, view));
  const all = rows.get(view.name);
  return all ? (all.get(key.text) ?? null) : await findRow(execution.db, view, key.text);
}

/** The rows of a view by their keys; null when they are too many. */
async function readAll({ db, ctx }: MutationExecution, { name }: ViewDefinition) {
  const rows = new Map<string, StoredRow>();
  for await (const document of db.query(name)) {
    if (rows.size === MAX_ROWS || (rows.size % ROWS_A_CHECK === ROWS_A_CHECK - 1 && (await isNearlyOut(ctx))))
      return null;
    const row = document as unknown as StoredRow;
    rows.set(row.key, row);
  }
  return rows;
}

/** The error for a change whose rows could not all be marked. */
export function notMarked({ marked }: MutationExecution, what: string, error: unknown): Error {
  return new Error(
    `convex-lazy-views: ${what}, after ${marked.size} other keys: ${reasonOf(error)} ` +
      "If the mutation is too large, write in smaller batches.",
    { cause: error },
  );
}
