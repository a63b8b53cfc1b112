import type { GenericId } from "convex/values";
import { type AnyMutationCtx, type LazyApp, ledgerOf, snapshot } from "./app.js";
import { runMutation } from "./builders.js";
import { ledgerKey } from "./effects/effect.js";
import { findEntry } from "./effects/ledger.js";
import { ensureSweep, finishSweep, type SweepJob } from "./effects/sweep.js";
import { forgetView } from "./health.js";
import { isNearlyOut } from "./limits.js";
import { isWaiting } from "./recompute/turns.js";
import {
  evictedView,
  isOutdated,
  keptMs,
  OUTDATED_MS,
  scanAfter,
  staleSince,
} from "./staleness/eviction.js";
import { judgeForReader } from "./staleness/judge.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import type { LazyMutationContext } from "./views/context.js";
import type { ViewDefinition } from "./views/definition.js";
import { recomputeEffect } from "./views/recomputeEffect.js";
import { keyOfRow, type StoredRow } from "./views/rows.js";

/** Rows deleted or marked in one transaction. */
const BATCH = 100;
/** A transaction ends early when what it deletes has marked so many rows of other views. */
const MAX_MARKS = 100;

/** What a scan finds in one step. */
export interface Evictable {
  ids: GenericId<string>[];
  /** Where the next step begins; null at the end of the table. */
  after: number | null;
  /** Whether the table has rows at all. */
  hasRows: boolean;
  /** Whether it has rows that may go later, though the view keeps its rows: those of another version. */
  hasOutdated: boolean;
}

/** Looks through a view's rows, as far as one transaction may read; in a stale snapshot, so without conflicts. */
export async function findEvictable(
  app: LazyApp,
  ctx: AnyQueryCtx,
  sweep: SweepJob,
): Promise<Evictable> {
  const { after = 0, sweepAt } = sweep;
  const name = evictedView(sweep);
  const view = app.views.get(name);
  const found: Evictable = { ids: [], after: null, hasRows: after > 0, hasOutdated: false };
  const rows = ctx.db
    .query(name)
    .withIndex("by_creation_time", (q) => q.gt("_creationTime", after as never));
  for await (const stored of rows) {
    found.hasRows = true;
    const row = stored as unknown as StoredRow;
    const judged = await judgeAge(ctx, view, row, sweepAt);
    if (judged !== "keep") found.ids.push(row._id);
    found.hasOutdated ||= judged !== "evict" && view !== undefined && isOutdated(view, row);
    if (found.ids.length === BATCH || (await isNearlyOut(ctx))) {
      return { ...found, after: row._creationTime };
    }
  }
  return found;
}

/**
 * What becomes of a row.
 *
 * - Its view is not in the code any more → `evict`.
 * - A run computes it, or it may be stale for as long as it is, or it is fresh → `keep`.
 * - It is stale, and nothing tells since when: a tag, a probe or a version says so → `mark`, and since now.
 * - Else `evict`.
 */
async function judgeAge(
  ctx: AnyQueryCtx,
  view: ViewDefinition | undefined,
  row: StoredRow,
  now: number,
): Promise<"keep" | "mark" | "evict"> {
  if (view === undefined) return "evict";
  const mayStayMs = keptMs(view, row);
  const since = staleSince(row);
  if (row.refreshing !== undefined || mayStayMs === Number.POSITIVE_INFINITY) return "keep";
  if (since !== undefined && since + mayStayMs > now) return "keep";
  if ((await judgeForReader(ctx, view, row)) === "fresh") return "keep";
  return since === undefined ? "mark" : "evict";
}

/**
 * One step of a scan: rows that may go are looked at again, each on its own, and deleted unless somebody has asked for
 * them lately. At the end of a table that has rows, the next scan is scheduled; a view that is gone is forgotten with
 * its last row.
 */
export async function runEviction(
  app: LazyApp,
  outer: AnyMutationCtx,
  sweep: SweepJob,
): Promise<{ swept: number }> {
  const name = evictedView(sweep);
  const { after, ids, hasRows, hasOutdated } = await snapshot<Evictable>(app, outer, {
    evictable: sweep,
  });
  const view = app.views.get(name);
  let handled = 0;
  const swept = await runMutation(app, outer, async (ctx, lazy) => {
    let changed = 0;
    for (const id of ids) {
      if (lazy.marks.size > MAX_MARKS) break;
      handled++;
      if (await evict(app, ctx, lazy, { view, name, id, now: sweep.sweepAt })) changed++;
    }
    return changed;
  });
  const ledger = ledgerOf(app, outer);
  if (hasOutdated && view?.evictAfterMs === undefined) {
    await ensureSweep(ledger, scanAfter(name, sweep.sweepAt + OUTDATED_MS, OUTDATED_MS));
  }
  if (handled < ids.length) await outer.scheduler.runAfter(0, app.refs.sweep, sweep);
  else if (after !== null) await outer.scheduler.runAfter(0, app.refs.sweep, { ...sweep, after });
  else {
    await finishSweep(ledger.db, sweep);
    const { evictAfterMs } = view ?? {};
    if (hasRows && evictAfterMs !== undefined) {
      await ensureSweep(ledger, scanAfter(name, sweep.sweepAt, evictAfterMs));
    }
    if (view === undefined && !hasRows) await forgetView(outer, name);
  }
  return { swept: swept as number };
}

/** @returns Whether the row was deleted or marked. */
async function evict(
  app: LazyApp,
  ctx: AnyMutationCtx,
  lazy: LazyMutationContext,
  {
    view,
    name,
    id,
    now,
  }: { view: ViewDefinition | undefined; name: string; id: GenericId<string>; now: number },
): Promise<boolean> {
  const row = (await ctx.db.get(name, id)) as StoredRow | null;
  const judged = row === null ? "keep" : await judgeAge(lazy.reader, view, row, now);
  if (row === null || judged === "keep") return false;
  if (judged === "mark") {
    await lazy.db.patch(name, id, { dirtyAt: now });
    return true;
  }
  if (view !== undefined && (await isAskedFor(app, ctx, view, row))) return false;
  await ctx.db.delete(name, id);
  return true;
}

/** Whether somebody has asked for a row lately: it waits for its turn, or for the end of its window. */
async function isAskedFor(
  app: LazyApp,
  ctx: AnyMutationCtx,
  view: ViewDefinition,
  row: StoredRow,
): Promise<boolean> {
  if (view.maxParallel !== undefined && (await isWaiting(ctx.db, view.name, row.key))) return true;
  const asked = ledgerKey(recomputeEffect(app.refs.path("recompute"), view, keyOfRow(row)));
  return (await findEntry(ledgerOf(app, ctx).db, asked)) !== null;
}
