import { dispatchEffects } from "../effects/dispatch.js";
import { sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { isNearlyOut, isShortOfRanges } from "../model/limits.js";
import { findRow, type Key, markRow, recomputeEffect, workMs } from "../model/row.js";
import { findRun, touchRun } from "../model/run.js";
import type { Row, StoredRow } from "../schema.js";
import { GRACE_MS, LONGEST_GRACE_MS } from "../times.js";
import { reasonOf } from "../values/describe.js";

/** How many rows are looked up before the transaction's room is asked for again. */
const LOOK_UPS_A_CHECK = 100;
/** Rows of one view that are read as a whole, in place of a look-up for each key. */
const MAX_ROWS = 4_000;

/**
 * Marks the row of a key as out of date, and tells its run; in the mutation's turn.
 *
 * - A run lasts → it notes that something has changed since its begin, in case its value does not show it.
 * - No row → nothing more to do.
 * - Marked already → the mark is only read; except that one older than the grace is set again: subscribers run once
 *   more and raise their effect, so that a lost effect heals at the next write. The grace doubles each time.
 * - The row is leased → its recompute is scheduled, and the row announces it: readers raise nothing.
 *
 * @param known - The row, where it has just been read.
 * @throws Error when the mutation has no room left to look rows up, or to mark them.
 */
export async function markKey(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  known?: StoredRow,
): Promise<void> {
  if (isMarked(execution, view, key)) return;
  try {
    const row = known ?? (await lookUp(execution, view, key));
    const now = Date.now();
    const run = view.mode === "transaction" ? null : await findRun(execution.db, view, key.text);
    if (run !== null) await touchRun(execution.ledger.db, run, now);
    if (row !== null && !isMarkedLately(view, row, now)) await setMark(execution, view, key, row, now);
  } catch (error) {
    const what = `a change in this mutation concerns the row ${key.text} of the view "${view.name}", which could not be marked as out of date`;
    throw notMarked(execution, what, error);
  }
  execution.marked.add(markOf(view, key.text));
}

export function isMarked(execution: MutationExecution, view: ViewDefinition, key: Key): boolean {
  return execution.marked.has(markOf(view, key.text));
}

async function setMark(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  row: StoredRow,
  now: number,
): Promise<void> {
  const isComing = isLeased(view, row, now) && (await recomputeSoon(execution, view, key, row));
  await markRow(execution.db, view, row, now, isComing);
  if (!isComing) return;
  await sweepWhenDue(execution.ledger, view.name, { expiresAt: now + workMs(view), now });
}

/** Whether a row has a mark that counts. */
function isMarkedLately(view: ViewDefinition, row: Row, now: number): boolean {
  const lastMark = row.nudgedAt ?? row.dirtyAt;
  return lastMark !== undefined && Math.abs(now - lastMark) <= graceMs(view, row);
}

/** How long a mark counts: where a recompute was announced, as long as that may take, too. */
function graceMs(view: ViewDefinition, { dirtyAt = 0, nudgedAt = dirtyAt, pendingUntil }: Row) {
  const markedForMs = Math.min(Math.max(nudgedAt - dirtyAt, GRACE_MS), LONGEST_GRACE_MS);
  return pendingUntil === undefined ? markedForMs : workMs(view) + markedForMs;
}

/** Whether writes have the row recomputed. */
export function isLeased({ leaseMs }: ViewDefinition, row: Row, now: number): boolean {
  return leaseMs !== undefined && row.leaseUntil !== undefined && row.leaseUntil > now;
}

/** Has a row recomputed, and tells whether Convex took the job. */
export async function recomputeSoon(
  { ledger }: MutationExecution,
  view: ViewDefinition,
  key: Key,
  row: Pick<Row, "asOf"> | null,
): Promise<boolean> {
  const effect = recomputeEffect(ledger.recompute, view, key, row);
  return (await dispatchEffects(ledger, [effect], { byWrite: true })).refused === 0;
}

/**
 * The row of a key. A mutation that looks up very many keys would run out of index ranges: it reads the rows of a view
 * as a whole instead, where they are few. It then conflicts with each recompute of that view.
 */
export function lookUp(execution: MutationExecution, view: ViewDefinition, key: Key): Promise<StoredRow | null> {
  const mayBeShort = execution.isShortOfRanges || ++execution.lookUps % LOOK_UPS_A_CHECK === 0;
  return mayBeShort ? lookUpInAll(execution, view, key) : findRow(execution.db, view, key.text);
}

async function lookUpInAll(execution: MutationExecution, view: ViewDefinition, key: Key): Promise<StoredRow | null> {
  const { rows } = execution;
  execution.isShortOfRanges ||= await isShortOfRanges(execution.ctx);
  if (execution.isShortOfRanges && !rows.has(view.name)) {
    rows.set(view.name, await readAll(execution, view));
  }
  const all = rows.get(view.name);
  return all ? (all.get(key.text) ?? null) : await findRow(execution.db, view, key.text);
}

async function readAll({ db, ctx }: MutationExecution, view: ViewDefinition): Promise<Map<string, StoredRow> | null> {
  const rows = new Map<string, StoredRow>();
  for await (const document of db.query(view.name)) {
    if (rows.size === MAX_ROWS || (rows.size % LOOK_UPS_A_CHECK === 99 && (await isNearlyOut(ctx)))) return null;
    const row = document as unknown as StoredRow;
    rows.set(row.key, row);
  }
  return rows;
}

/** Why a change did not come to the marks of the rows that it concerns. */
export function notMarked({ marked }: MutationExecution, what: string, error: unknown): Error {
  return new Error(
    `convex-lazy-views: ${what}, after ${marked.size} keys had been looked at: ${reasonOf(error)} ` +
      "The mutation is rolled back. If it was too large for a transaction, make its changes in several: " +
      "with a smaller batch in a migration, or a paginated query.",
    { cause: error },
  );
}
