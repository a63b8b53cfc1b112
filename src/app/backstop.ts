import { makeFunctionReference } from "convex/server";
import type { GenericId } from "convex/values";
import { dispatchEffects } from "../effects/dispatch.js";
import { askSnapshot, type LazyApp, ledgerOf, pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { BackstopJob } from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { keyOfRow, recomputeEffect } from "../model/row.js";
import { findRun } from "../model/run.js";
import type { AnyMutationCtx, AnyQueryCtx, Row, StoredRow } from "../schema.js";
import { staleSince } from "../staleness/evictable.js";
import { judgeForReader } from "../staleness/judge.js";
import { ASKED_LATELY_MS, PATIENCE_MS } from "../times.js";

/*
 * The backstop: the effect of a reader may be lost, or a job may die. The heartbeat looks at the rows that a reader
 * asked for lately, and has those recomputed that are stale though nothing is on its way.
 */

/** Rows looked at in one transaction: with its tags, each may read some two hundred documents. */
const BATCH = 100;

/** What a scan finds in one step. */
interface Forgotten {
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
  { view: name, at: now, cursor }: BackstopJob,
): Promise<Forgotten> {
  const view = app.views.get(name) as ViewDefinition;
  const { page, isDone, continueCursor } = await ctx.db
    .query(name)
    .withIndex("by_asked", (q) => q.gt("askedAt", (now - ASKED_LATELY_MS) as never))
    .paginate({ cursor: cursor ?? null, numItems: BATCH });
  const ids: GenericId<string>[] = [];
  for (const row of page as unknown as StoredRow[]) {
    if (await isNearlyOut(ctx)) break;
    const isForgotten = isOverdue(view, row, now);
    if (isForgotten && (await judgeForReader(ctx, view, row)) !== "fresh") ids.push(row._id);
  }
  return { ids, cursor: isDone ? null : continueCursor };
}

/** Whether something should have come of a row by now, if it is stale: its readers have asked long ago. */
function isOverdue(view: ViewDefinition, row: Row, now: number): boolean {
  if (row.pendingUntil !== undefined) return row.pendingUntil <= now;
  const since = staleSince(view, row, now) ?? row.computedAt;
  return since + PATIENCE_MS <= now;
}

/** One step of a scan: rows that were forgotten are looked at again, each on its own, and recomputed. */
export async function scanForgotten(app: LazyApp, ctx: AnyMutationCtx, scan: BackstopJob): Promise<{ swept: number }> {
  const view = app.views.get(scan.view);
  if (view === undefined) return { swept: 0 };
  const question = { kind: "forgotten" as const, scan };
  const { ids, cursor } = await askSnapshot<Forgotten>(app, ctx, question);
  let swept = 0;
  for (const id of ids) {
    const row = (await ctx.db.get(view.name, id)) as StoredRow | null;
    if (row === null || !isOverdue(view, row, Date.now())) continue;
    const run = await findRun(ctx.db, view, row.key);
    if (run?.expiresAt !== undefined) continue; // A sweep looks after it.
    const effect = recomputeEffect(pathOf(app, "recompute"), view, keyOfRow(row), row);
    await dispatchEffects(ledgerOf(app, ctx), [effect], { byWrite: true });
    swept++;
  }
  if (cursor !== null) {
    const sweep = makeFunctionReference<"mutation">(pathOf(app, "sweep"));
    await ctx.scheduler.runAfter(0, sweep, { job: { ...scan, cursor } });
  }
  return { swept };
}
