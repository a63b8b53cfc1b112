import type { GenericId } from "convex/values";
import { type AnyMutationCtx, type LazyApp, ledgerOf, snapshot } from "./app.js";
import { dispatchEffects } from "./effects/dispatch.js";
import type { SweepJob } from "./effects/sweep.js";
import { isNearlyOut } from "./limits.js";
import { endRun, signOfLife } from "./recompute/run.js";
import { ASKED_LATELY_MS, backedView, isOverdue } from "./staleness/backstop.js";
import { judgeForReader } from "./staleness/judge.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import type { ViewDefinition } from "./views/definition.js";
import { recomputeEffect } from "./views/recomputeEffect.js";
import { keyOfRow, type StoredRow } from "./views/rows.js";

/** Rows looked at in one transaction: with its tags, each may read some two hundred documents. */
const BATCH = 100;

/** What a scan finds in one step. */
export interface Forgotten {
  ids: GenericId<string>[];
  /** Where the next step begins; null at the end. */
  cursor: string | null;
}

/**
 * Looks through the next rows that were asked for lately, in a stale snapshot. Those that one transaction cannot judge
 * any more are left to the next heartbeat.
 */
export async function findForgotten(
  app: LazyApp,
  ctx: AnyQueryCtx,
  scan: SweepJob,
): Promise<Forgotten> {
  const { sweepAt: now, cursor = null } = scan;
  const view = app.views.get(backedView(scan)) as ViewDefinition;
  const { page, isDone, continueCursor } = await ctx.db
    .query(view.name)
    .withIndex("by_asked", (q) => q.gt("askedAt", (now - ASKED_LATELY_MS) as never))
    .paginate({ cursor, numItems: BATCH });
  const ids: GenericId<string>[] = [];
  for (const row of page as unknown as StoredRow[]) {
    if (await isNearlyOut(ctx)) break;
    if (await isForgotten(ctx, view, row, now)) ids.push(row._id);
  }
  return { ids, cursor: isDone ? null : continueCursor };
}

async function isForgotten(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  row: StoredRow,
  now: number,
): Promise<boolean> {
  if (!isOverdue(view, row, now, await signOfLife(ctx.db, view, row))) return false;
  return row.refreshing !== undefined || (await judgeForReader(ctx, view, row)) !== "fresh";
}

/** One step of a scan: rows that were forgotten are looked at again, each on its own, and recomputed. */
export async function runBackstop(
  app: LazyApp,
  ctx: AnyMutationCtx,
  scan: SweepJob,
): Promise<{ swept: number }> {
  const view = app.views.get(backedView(scan));
  if (view === undefined) return { swept: 0 };
  const { ids, cursor } = await snapshot<Forgotten>(app, ctx, { forgotten: scan });
  let swept = 0;
  for (const id of ids) {
    const row = (await ctx.db.get(view.name, id)) as StoredRow | null;
    if (row === null) continue;
    if (!isOverdue(view, row, Date.now(), await signOfLife(ctx.db, view, row))) continue;
    if (row.refreshing !== undefined) await endRun(ctx.db, view, row);
    const effect = recomputeEffect(app.refs.path("recompute"), view, keyOfRow(row), row);
    await dispatchEffects(ledgerOf(app, ctx), [effect], {
      jobArgs: { byWrite: true },
      isDemanded: true,
    });
    swept++;
  }
  if (cursor !== null) await ctx.scheduler.runAfter(0, app.refs.sweep, { ...scan, cursor });
  return { swept };
}
