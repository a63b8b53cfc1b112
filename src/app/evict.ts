import type { GenericId } from "convex/values";
import { ledgerKey } from "../effects/effect.js";
import { findEntry } from "../effects/ledger.js";
import { ensureSweep, finishSweep, scheduleSweep } from "../effects/sweep.js";
import { askSnapshot, type LazyApp, ledgerOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { EvictJob } from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { keyOfRow, markRow, recomputeEffect, removeRow } from "../model/row.js";
import { findRun } from "../model/run.js";
import { findWaiting } from "../recompute/turns.js";
import type { AnyMutationCtx, AnyQueryCtx, StoredRow } from "../schema.js";
import { judgeAge, scanAfter } from "../staleness/evictable.js";
import { watchedDb } from "../staleness/sources.js";
import { withExecution } from "./builders.js";

/** Rows deleted or marked in one transaction. */
const BATCH = 100;
/** A transaction ends early when what it deletes has marked so many rows of other views. */
const MAX_MARKS = 100;

/** What a scan finds in one step. */
interface Evictable {
  ids: GenericId<string>[];
  /** Where the next step begins; null at the end of the table. */
  after: number | null;
  /** Whether the table has rows at all. */
  hasRows: boolean;
}

/** Looks through a view's rows, as far as one transaction may read; in a stale snapshot, so without conflicts. */
export async function findEvictable(
  app: LazyApp,
  ctx: AnyQueryCtx,
  { table, sweepAt, after = 0 }: EvictJob,
): Promise<Evictable> {
  const view = app.views.get(table) as ViewDefinition;
  const found: Evictable = { ids: [], after: null, hasRows: after > 0 };
  const rows = ctx.db.query(table).withIndex("by_creation_time", (q) => q.gt("_creationTime", after as never));
  for await (const stored of rows) {
    found.hasRows = true;
    const row = stored as unknown as StoredRow;
    if ((await judgeAge(ctx, view, row, sweepAt)) !== "keep") found.ids.push(row._id);
    if (found.ids.length === BATCH || (await isNearlyOut(ctx))) {
      return { ...found, after: row._creationTime };
    }
  }
  return found;
}

/**
 * One step of a scan: rows that may go are looked at again, each on its own, and deleted unless a reader has asked for
 * them lately. At the end of a table that has rows, the next scan is scheduled.
 */
export async function scanEvictable(app: LazyApp, ctx: AnyMutationCtx, scan: EvictJob): Promise<{ swept: number }> {
  const { table, sweepAt } = scan;
  const view = app.views.get(table);
  const ledger = ledgerOf(app, ctx);
  if (view?.evictAfterMs === undefined) {
    await finishSweep(ledger.db, scan);
    return { swept: 0 };
  }
  const question = { kind: "evictable" as const, scan };
  const { after, ids, hasRows } = await askSnapshot<Evictable>(app, ctx, question);
  let handled = 0;
  const swept = await withExecution(app, ctx, async (execution) => {
    let changed = 0;
    for (const id of ids) {
      if (execution.marked.size > MAX_MARKS) break;
      handled++;
      if (await evict(execution, view, id, sweepAt)) changed++;
    }
    return changed;
  });
  if (handled < ids.length) await scheduleSweep(ledger, Date.now(), scan);
  else if (after !== null) await scheduleSweep(ledger, Date.now(), { ...scan, after } as EvictJob);
  else {
    await finishSweep(ledger.db, scan);
    if (hasRows) await ensureSweep(ledger, scanAfter(view, sweepAt, view.evictAfterMs));
  }
  return { swept };
}

/** @returns Whether the row was deleted or marked. */
async function evict(
  execution: MutationExecution,
  view: ViewDefinition,
  id: GenericId<string>,
  now: number,
): Promise<boolean> {
  const { db, reader } = execution;
  const row = (await db.get(view.name, id)) as StoredRow | null;
  const judged = row === null ? "keep" : await judgeAge(reader, view, row, now);
  if (row === null || judged === "keep") return false;
  if (judged === "mark") await markRow(db, view, row, now, false);
  else if (await isAskedFor(execution, view, row)) return false;
  else await execution.mutex.run(() => removeRow(watchedDb(execution), view, row));
  return true;
}

/** Whether a reader has asked for a row lately: it is being computed, waits for its turn, or for the end of its window. */
async function isAskedFor({ db, ledger }: MutationExecution, view: ViewDefinition, row: StoredRow): Promise<boolean> {
  const run = await findRun(db, view, row.key);
  if (run?.expiresAt !== undefined) return true;
  if (view.maxParallel !== undefined && (await findWaiting(ledger.db, view.name, row.key))) {
    return true;
  }
  const asked = ledgerKey(recomputeEffect(ledger.recompute, view, keyOfRow(row)));
  return (await findEntry(ledger.db, asked)) !== null;
}
