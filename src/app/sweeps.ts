import type { GenericId } from "convex/values";
import { finishSweep, type Sweep, scheduleAt } from "../effects/sweep.js";
import { askSnapshot, type LazyApp } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import { isIdle, isIdleTimeOver } from "../model/idleClock.js";
import type { BackstopJob, SweepJob } from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { lookAgain } from "../model/row.js";
import { findRun } from "../model/run.js";
import { entryOf } from "../recompute/failure.js";
import { lookAtRun } from "../recompute/run.js";
import { findWaiting, lookAtTurn } from "../recompute/turns.js";
import { type AnyQueryCtx, type LazyReader, lazyDb, type Row, type StoredRow, type Turn } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { recomputeSoon } from "../staleness/mark.js";
import { hasReached } from "../staleness/predicates.js";
import { evictRow } from "../staleness/sources.js";
import { ASKED_LATELY_MS, PATIENCE_MS, RETRY_SWEEP_MS } from "../times.js";

/*
 * The mutation `sweep`. Each step
 *
 * 1. finds its documents in a stale snapshot, so that it conflicts with no writer;
 * 2. reads and handles each of them again in its own transaction;
 * 3. schedules the next step, if there is one, and returns how many documents it has handled.
 */

const BATCH_SIZE = 100; // Documents that one step handles.
/** A step ends early when it has marked more rows of other views than this, by deleting rows that are their sources. */
const MAX_MARKS = 100;

type Step<Kind> = (execution: MutationExecution, job: Extract<SweepJob, { kind: Kind }>) => Promise<number>;

/** The rows that a step has found, and where the next step begins. */
type Batch = { ids: GenericId<string>[]; cursor: string; isDone: boolean };

/**
 * Handles what is due in a table. When the snapshot was too old to show any of it, the next step runs a little later. A
 * scan for rows to `evict` that an earlier release has scheduled does the same.
 */
export const sweepDue: Step<Sweep["kind"]> = async (execution, job) => {
  const { app, ledger, raw } = execution;
  if (!/^lazy[A-Z]/.test(job.table) && !app.views.has(job.table)) {
    await finishSweep(ledger.db, job); // The view was removed from the code.
    return 0;
  }
  let swept = 0;
  for (const id of await askSnapshot<GenericId<string>[]>(app, raw, { ...job, kind: "due" })) {
    if (swept > 0 && (execution.marked.size > MAX_MARKS || (await isNearlyOut(raw)))) break;
    await lookAt(execution, job, id);
    swept++;
  }
  // This reads the range up to the sweep's time, which lies in the past: later writes only remove documents from it.
  const isDue = (await dueRange(app, ledger.db, job).first()) !== null;
  if (isDue) await scheduleAt(ledger, Date.now() + (swept > 0 ? 0 : RETRY_SWEEP_MS), ledger.sweep, { job });
  else await finishSweep(ledger.db, job);
  return swept;
};

async function lookAt(execution: MutationExecution, { table, sweepAt }: Sweep, id: GenericId<string>): Promise<void> {
  const { ledger, db, app } = execution;
  const found = (await db.get(table, id)) as { expiresAt?: number } | null;
  const view = app.views.get(table);
  const isDue = found && (found.expiresAt === undefined ? hasIdleClock(view) : found.expiresAt <= sweepAt);
  if (!isDue) return;
  // A deletion by id depends on no range, so dispatches that open other windows do not conflict with it.
  if (table === "lazyEffects") return ledger.db.delete("lazyEffects", id as never);
  if (table === "lazyRuns") return lookAtRun(execution, id as never);
  if (table === "lazyTurns") return lookAtTurn(execution, found as Turn);
  if (!view) return;
  const row = found as StoredRow;
  const isLeft = isIdle(view, row) && isIdleTimeOver(view, row, sweepAt) && !(await isAskedFor(execution, view, row));
  if (isLeft) return await execution.mutex.run(() => evictRow(execution, view, row));
  await lookAgain(ledger, view, row, sweepAt);
  execution.wakesReaders = true;
}

/** The documents that are due in a table, oldest first. */
export async function findDue(app: LazyApp, ctx: AnyQueryCtx, sweep: Sweep): Promise<GenericId<string>[]> {
  const ids: GenericId<string>[] = [];
  for await (const { _id } of dueRange(app, lazyDb(ctx.db), sweep)) {
    ids.push(_id);
    if (ids.length === BATCH_SIZE || (await isNearlyOut(ctx))) break;
  }
  return ids;
}

function dueRange({ views }: LazyApp, db: LazyReader, { table, sweepAt }: Sweep) {
  const view = views.get(table);
  // Every table that is swept has this field and this index. Documents without the field come first in the index.
  return db
    .query(table as "lazyEffects")
    .withIndex("by_expiry", (q) => (hasIdleClock(view) ? q : q.gt("expiresAt", 0)).lte("expiresAt", sweepAt));
}

/** Whether rows without `expiresAt` are due: they were committed before the view got `evictAfter`. */
const hasIdleClock = (view: ViewDefinition | undefined): boolean => view?.evictAfterMs !== undefined;

/** Whether a reader may have asked for an idle row whose recompute has not taken it back yet. */
async function isAskedFor(execution: MutationExecution, view: ViewDefinition, row: StoredRow): Promise<boolean> {
  const { db, ledger } = execution;
  const run = await findRun(db, view, row.key);
  if (run?.expiresAt !== undefined) return true;
  if (view.maxParallel !== undefined && (await findWaiting(ledger.db, view.name, row.key))) return true;
  const entry = await entryOf(execution, { view: view.name, args: row.args });
  return entry !== null && (entry.trailingJob !== undefined || entry.windowEndsAt >= (row.idleAt ?? 0));
}

/*
 * The backstop, for effects that are lost and jobs that die: the heartbeat schedules the recompute of rows that a
 * reader asked for in the last hour, that are stale, and for which nothing is scheduled.
 */

/** Finds such rows in the next batch. Rows for which one step has no room are left to the next heartbeat. */
export async function findForgotten(app: LazyApp, ctx: AnyQueryCtx, scan: BackstopJob): Promise<Batch> {
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
}

/** Whether a row that is stale has waited longer than its recompute can take. */
function isOverdue(view: ViewDefinition, row: Row, now: number): boolean {
  if (row.pendingUntil !== undefined) return row.pendingUntil <= now;
  const reached = view.staleWhen.ages.filter((age) => hasReached(row, age) && row.computedAt + age <= now);
  const staleAt = row.dirtyAt ?? row.computedAt + Math.max(0, ...reached);
  return staleAt + PATIENCE_MS <= now;
}

/** Schedules the recomputes of these rows. */
export const sweepForgotten: Step<"backstop"> = async (execution, scan) => {
  const { app, db, raw } = execution;
  const view = app.views.get(scan.view);
  if (view === undefined) return 0;
  const { ids, cursor, isDone } = await askSnapshot<Batch>(app, raw, scan);
  let swept = 0;
  for (const id of ids) {
    if (await isNearlyOut(raw)) break;
    const row = (await db.get(view.name, id)) as StoredRow | null;
    if (row === null || !isOverdue(view, row, Date.now())) continue;
    const run = await findRun(db, view, row.key);
    if (run?.expiresAt !== undefined) continue; // A sweep handles runs that have died.
    await recomputeSoon(execution, view, row, row);
    swept++;
  }
  if (!isDone) await raw.scheduler.runAfter(0, app.refs.sweep, { job: { ...scan, cursor } });
  return swept;
};
