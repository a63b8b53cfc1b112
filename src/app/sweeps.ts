import type { GenericId } from "convex/values";
import { ensureSweep, finishSweep, type Sweep, scheduleSweep, sweepWhenDue } from "../effects/sweep.js";
import { askSnapshot, type LazyApp } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { BackstopJob, EvictJob, SweepJob } from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { lookAgain, markRow, removeRow } from "../model/row.js";
import { findRun } from "../model/run.js";
import { entryOf } from "../recompute/failure.js";
import { lookAtRun } from "../recompute/run.js";
import { findWaiting, lookAtTurn } from "../recompute/turns.js";
import type { AnyQueryCtx, LazyReader, Row, StoredRow, Turn } from "../schema.js";
import { lazyDb } from "../schema.js";
import { judgeAge, scanAfter, staleSince } from "../staleness/evictable.js";
import { judgeForReader } from "../staleness/judge.js";
import { recomputeSoon } from "../staleness/mark.js";
import { watchedDb } from "../staleness/sources.js";
import { ASKED_LATELY_MS, PATIENCE_MS, RETRY_SWEEP_MS } from "../times.js";

/*
 * The mutation `sweep`. Each call is one step: it asks a stale snapshot what there is to do, so that it conflicts with
 * no writer; looks at each document again, since it may have changed; schedules the next step, if there is one; and
 * returns how many documents it has handled.
 */

/** Documents that one step handles. */
const BATCH_SIZE = 100;
/** A step that evicts ends early when it has marked so many rows of other views. */
const MAX_MARKS = 100;

type Step<Kind> = (execution: MutationExecution, job: Extract<SweepJob, { kind: Kind }>) => Promise<number>;

/** Looks for rows in the snapshot, and returns where the next step begins. */
type Find<Job, Cursor> = (app: LazyApp, ctx: AnyQueryCtx, scan: Job) => Promise<Batch<Cursor>>;
type Batch<Cursor> = { ids: GenericId<string>[]; cursor: Cursor; isDone: boolean };

/** Handles what is due in a table. When the snapshot was too old to show any of it, the next step is a little later. */
export const sweepDue: Step<"due"> = async (execution, job) => {
  const { app, ledger, raw } = execution;
  const isOwn = ["lazyEffects", "lazyRuns", "lazyTurns"].includes(job.table);
  if (!isOwn && !app.views.has(job.table)) {
    await finishSweep(ledger.db, job); // A view that is not in the code any more.
    return 0;
  }
  let swept = 0;
  for (const id of await askSnapshot<GenericId<string>[]>(app, raw, job)) {
    if (swept > 0 && (await isNearlyOut(raw))) break;
    await lookAt(execution, job, id);
    swept++;
  }
  // This depends on the range up to the sweep's time, which lies in the past: writes there only take documents away.
  const isDue = (await dueRange(ledger.db, job).first()) !== null;
  if (isDue) await scheduleSweep(ledger, Date.now() + (swept > 0 ? 0 : RETRY_SWEEP_MS), job);
  else await finishSweep(ledger.db, job);
  return swept;
};

async function lookAt(execution: MutationExecution, { table, sweepAt }: Sweep, id: GenericId<string>): Promise<void> {
  const { ledger, db, app } = execution;
  const found = (await db.get(table, id)) as { expiresAt?: number } | null;
  if (found?.expiresAt === undefined || found.expiresAt > sweepAt) return;
  // It depends on this document and on no range: dispatches that open other windows do not conflict with it.
  if (table === "lazyEffects") return ledger.db.delete("lazyEffects", id as never);
  if (table === "lazyRuns") return lookAtRun(execution, id as never);
  if (table === "lazyTurns") return lookAtTurn(execution, found as Turn);
  const expiresAt = await lookAgain(db, app.views.get(table) as ViewDefinition, found as StoredRow, sweepAt);
  if (expiresAt !== undefined) await sweepWhenDue(ledger, table, { expiresAt, now: sweepAt });
}

/** What is due in a table, oldest first. */
export async function findDue(_: LazyApp, ctx: AnyQueryCtx, sweep: Sweep): Promise<GenericId<string>[]> {
  const ids: GenericId<string>[] = [];
  for await (const { _id } of dueRange(lazyDb(ctx.db), sweep)) {
    ids.push(_id);
    if (ids.length === BATCH_SIZE || (await isNearlyOut(ctx))) break;
  }
  return ids;
}

function dueRange(db: LazyReader, { table, sweepAt }: Sweep) {
  // Every table that is swept has this field and this index.
  return db.query(table as "lazyEffects").withIndex("by_expiry", (q) => q.gt("expiresAt", 0).lte("expiresAt", sweepAt));
}

/** Looks through a view's rows, as far as one transaction may read. */
export const findEvictable: Find<EvictJob, number> = async (app, ctx, { table, sweepAt, after = 0 }) => {
  const view = app.views.get(table) as ViewDefinition;
  const found: Batch<number> = { ids: [], cursor: after, isDone: true };
  const rows = ctx.db.query(table).withIndex("by_creation_time", (q) => q.gt("_creationTime", after as never));
  for await (const stored of rows) {
    const row = stored as unknown as StoredRow;
    found.cursor = row._creationTime;
    if ((await judgeAge(ctx, view, row, sweepAt)) !== "keep") found.ids.push(row._id);
    found.isDone = found.ids.length < BATCH_SIZE && !(await isNearlyOut(ctx));
    if (!found.isDone) break;
  }
  return found;
};

/** Evicts rows. At the end of a table that has rows, the next scan is scheduled. */
export const sweepEvictable: Step<"evict"> = async (execution, scan) => {
  const { app, ledger, marked, raw } = execution;
  const view = app.views.get(scan.table);
  if (view?.evictAfterMs === undefined) {
    await finishSweep(ledger.db, scan);
    return 0;
  }
  const { ids, cursor, isDone } = await askSnapshot<Batch<number>>(app, raw, scan);
  let next: EvictJob | null = isDone ? null : { ...scan, after: cursor };
  let swept = 0;
  for (const id of ids) {
    if (marked.size > MAX_MARKS) {
      next = scan;
      break;
    }
    if (await evict(execution, view, id, scan.sweepAt)) swept++;
  }
  if (next !== null) await scheduleSweep(ledger, Date.now(), next);
  else {
    await finishSweep(ledger.db, scan);
    if (cursor > 0) await ensureSweep(ledger, scanAfter(view, scan.sweepAt, view.evictAfterMs));
  }
  return swept;
};

/** @returns Whether the row was deleted or marked. */
async function evict(
  execution: MutationExecution,
  view: ViewDefinition,
  id: GenericId<string>,
  now: number,
): Promise<boolean> {
  const { db, reader } = execution;
  const row = (await db.get(view.name, id)) as StoredRow | null;
  if (row === null) return false;
  const judged = await judgeAge(reader, view, row, now);
  if (judged === "mark") await markRow(db, view, row, now, false);
  else if (judged === "keep" || (await isAskedFor(execution, view, row))) return false;
  else await execution.mutex.run(() => removeRow(watchedDb(execution), view, row));
  return true;
}

/** Whether a reader has asked for a row lately: it is being computed, waits for its turn, or has a ledger entry. */
async function isAskedFor(execution: MutationExecution, view: ViewDefinition, row: StoredRow): Promise<boolean> {
  const { db, ledger } = execution;
  const run = await findRun(db, view, row.key);
  if (run?.expiresAt !== undefined) return true;
  if (view.maxParallel !== undefined && (await findWaiting(ledger.db, view.name, row.key))) return true;
  return (await entryOf(execution, { view: view.name, args: row.args })) !== null;
}

/*
 * The backstop: the effect of a reader may be lost, or a job may die. The heartbeat looks at the rows that a reader
 * asked for lately, and has those recomputed that are stale though nothing is on its way.
 */

/** Looks through the next rows that were asked for lately. What one step cannot judge is left to the next heartbeat. */
export const findForgotten: Find<BackstopJob, string> = async (app, ctx, scan) => {
  const view = app.views.get(scan.view) as ViewDefinition;
  const { page, isDone, continueCursor } = await ctx.db
    .query(scan.view)
    .withIndex("by_asked", (q) => q.gt("askedAt", (scan.at - ASKED_LATELY_MS) as never))
    .paginate({ cursor: scan.cursor ?? null, numItems: BATCH_SIZE });
  const ids: GenericId<string>[] = [];
  for (const row of page as unknown as StoredRow[]) {
    if (await isNearlyOut(ctx)) break;
    if (isOverdue(view, row, scan.at) && (await judgeForReader(ctx, view, row)) !== "fresh") ids.push(row._id);
  }
  return { ids, cursor: continueCursor, isDone };
};

/** Whether a row, if it is stale, has waited longer than its recompute can take. */
function isOverdue(view: ViewDefinition, row: Row, now: number): boolean {
  if (row.pendingUntil !== undefined) return row.pendingUntil <= now;
  return (staleSince(view, row, now) ?? row.computedAt) + PATIENCE_MS <= now;
}

/** Has rows recomputed. */
export const sweepForgotten: Step<"backstop"> = async (execution, scan) => {
  const { app, db, raw } = execution;
  const view = app.views.get(scan.view);
  if (view === undefined) return 0;
  const { ids, cursor, isDone } = await askSnapshot<Batch<string>>(app, raw, scan);
  let swept = 0;
  for (const id of ids) {
    if (await isNearlyOut(raw)) break;
    const row = (await db.get(view.name, id)) as StoredRow | null;
    if (row === null || !isOverdue(view, row, Date.now())) continue;
    const run = await findRun(db, view, row.key);
    if (run?.expiresAt !== undefined) continue; // A sweep looks after it.
    await recomputeSoon(execution, view, row, row);
    swept++;
  }
  if (!isDone) await raw.scheduler.runAfter(0, app.refs.sweep, { job: { ...scan, cursor } });
  return swept;
};
