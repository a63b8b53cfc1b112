import type { GenericId } from "convex/values";
import { type AnyMutationCtx, type LazyApp, ledgerOf, snapshot } from "./app.js";
import { isBackfill, runBackfill } from "./backfill.js";
import { runBackstop } from "./backstopping.js";
import { deleteExpired } from "./effects/ledger.js";
import {
  ensureSweep,
  finishSweep,
  hasDue,
  SWEEP_RETRY_MS,
  type Sweep,
  type SweepJob,
  sweepTime,
} from "./effects/sweep.js";
import { runEviction } from "./evicting.js";
import { isHealthNote, writeNote } from "./health.js";
import { isNearlyOut } from "./limits.js";
import { endRun, signOfLife } from "./recompute/run.js";
import { ageFields, sweepSpan } from "./staleness/age.js";
import { isBackstop, isOverdue, lookField } from "./staleness/backstop.js";
import { isEviction } from "./staleness/eviction.js";
import { letReadersAsk } from "./staleness/pending.js";
import type { ViewDefinition } from "./views/definition.js";
import type { StoredRow } from "./views/rows.js";

/**
 * One run of the mutation `sweep`, the library's work in the background: a note of the stream's health, a step of a
 * backfill, of the backstop's or an eviction's scan; or a sweep:
 *
 * 1. What is due is looked up through a stale snapshot, at most a hundred documents.
 * 2. Each is handled on its own: a ledger entry is deleted; a row is marked as old. One that changed meanwhile is left
 *    alone.
 * 3. Something is left → go on in another transaction: at once, or a little later when the snapshot was too old to
 *    show it. Nothing is left → the sweep is over.
 */
export async function runSweep(
  app: LazyApp,
  ctx: AnyMutationCtx,
  sweep: SweepJob,
): Promise<{ swept: number }> {
  if (isHealthNote(sweep)) return await writeNote(app, ctx, sweep);
  if (isBackfill(sweep)) return await runBackfill(app, ctx, sweep);
  if (isBackstop(sweep)) return await runBackstop(app, ctx, sweep);
  if (isEviction(sweep)) return await runEviction(app, ctx, sweep);
  const ledger = ledgerOf(app, ctx);
  const view = app.views.get(sweep.table);
  if (view === undefined && sweep.table !== "lazyEffects") {
    await finishSweep(ledger.db, sweep); // A view that is not in the code any more.
    return { swept: 0 };
  }
  const { table, sweepAt } = sweep;
  const due = await snapshot<GenericId<string>[]>(app, ctx, { due: { table, sweepAt } });
  let swept = 0;
  for (const id of due) {
    if (swept > 0 && (await isNearlyOut(ctx))) break;
    if (view === undefined) {
      await deleteExpired(ledger.db, id as GenericId<"lazyEffects">, sweep.sweepAt);
    } else await lookAt(app, ctx, view, id, sweep);
    swept++;
  }
  if (await hasDue(ledger.db, sweep)) {
    await ctx.scheduler.runAfter(swept > 0 ? 0 : SWEEP_RETRY_MS, app.refs.sweep, sweep);
  } else await finishSweep(ledger.db, sweep);
  return { swept };
}

/**
 * Looks at a row that is due: its readers may ask again, when what they wait for should have come long ago; and it is
 * marked as having reached an age, which runs again the queries that are subscribed to it.
 */
async function lookAt(
  app: LazyApp,
  ctx: AnyMutationCtx,
  view: ViewDefinition,
  id: GenericId<string>,
  { table, sweepAt }: Sweep,
): Promise<void> {
  const find = async () => (await ctx.db.get(view.name, id)) as StoredRow | null;
  let row = await find();
  if (row?.expiresAt === undefined || row.expiresAt > sweepAt) return;
  const workedAt = await signOfLife(ctx.db, view, row);
  // A late sweep may meet a run that began after its time.
  if (isOverdue(view, row, Date.now(), workedAt)) {
    if (row.refreshing !== undefined) await endRun(ctx.db, view, row);
    else await letReadersAsk(ctx.db, view, row);
    row = await find();
  }
  if (row === null) return;
  const { aged, expiresAt } = ageFields(view.staleWhen.ages, row.computedAt, sweepAt);
  const isWaiting = row.pending === true || row.refreshing !== undefined;
  const since = row.refreshing === undefined ? (row.dirtyAt ?? sweepAt) : workedAt;
  const next = isWaiting ? lookField(view, { ...row, expiresAt }, since).expiresAt : expiresAt;
  await ctx.db.patch(view.name, id, { aged, expiresAt: next });
  if (expiresAt === undefined) return;
  const span = sweepSpan(expiresAt - sweepAt);
  await ensureSweep(ledgerOf(app, ctx), { table, sweepAt: sweepTime(expiresAt, span) });
}
