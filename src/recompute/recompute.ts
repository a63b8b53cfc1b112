import { clear, fail, findEntry, isAhead, newEntry, writeEntry } from "../effects/ledger.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt, RecomputeOutcome } from "../model/jobs.js";
import { limitsWithReserve } from "../model/limits.js";
import { findRow, hasValue, type Key, keyTooLong, toKey, touch, withdraw } from "../model/row.js";
import { findPages, findRun, isAlive } from "../model/run.js";
import { judgeForReader } from "../staleness/judge.js";
import { canonicalText } from "../values/canonical.js";
import { failAttempt, recomputeOf, withdrawUnknown } from "./failure.js";
import { beginRun, scheduleStep } from "./run.js";
import { awaitTurn, endRun } from "./turns.js";

/**
 * An attempt to recompute a key.
 *
 * 1. While the work rests after a failure → overtaken. So is an attempt in an open window, when the window is not its
 *    own, or another attempt has taken it; but a window with `taken: false` is for the first attempt that comes. An
 *    attempt that was put off to the window's end starts whatever the clock says.
 * 2. The view is not in the code any more, or the key is too long or does not fit it → failed, without a retry. The
 *    row's announcement is withdrawn: should view and key come back, readers must ask.
 * 3. A reader asks for a row that is idle → it is not any more, whatever becomes of the attempt.
 *    A run of the key is under way → overtaken: its end lets readers ask again. A run whose page has failed is resumed;
 *    one whose job has died is ended.
 *    The row is fresh → clean. The effect was outdated: `seen` is cleared, so that the next one is not a duplicate.
 * 4. The view lets only some recomputes run at a time → queued, until the key's turn comes.
 * 5. An attempt that was put off, or starts late or in another window, opens its own. Else it takes one that is free.
 * 6. Begin a run, when the view computes outside of one transaction; else compute and commit in a sub-transaction. It
 *    leaves a reserve of this transaction's limits, so that a compute that exceeds them can be remembered as failed.
 * 7. It threw → its writes are rolled back; remember the failure and schedule the retry. Readers may ask again.
 */
export async function attempt(execution: MutationExecution, job: Attempt): Promise<RecomputeOutcome> {
  const { app, ctx, db, ledger, reader } = execution;
  const { start, turn, args } = job;
  const view = app.views.get(job.view);
  const effect = recomputeOf(execution, job);
  const own = newEntry(effect);
  let entry = await findEntry(ledger.db, own.key);
  const now = Date.now();
  const windowMs = view?.windowMs ?? 0;
  const isOwn = !start || !entry || entry.windowEndsAt === start.windowEndsAt;
  const isPutOff = isOwn && start?.isTrailing === true;
  if (entry) {
    const isTaken = isOwn ? entry.taken === true : entry.taken !== false;
    const givesWay = start && !isPutOff && isTaken && isAhead(entry.windowEndsAt, now, windowMs);
    if (givesWay || (entry.failure && isAhead(entry.failure.retryAt, now, windowMs))) return "overtaken";
  }

  let key: Key | undefined;
  let misfit: unknown = `view "${job.view}" is not in new LazyViews({ views }).`;
  try {
    if (view && typeof args === "string") throw keyTooLong(view, args);
    key = view && toKey(view, args);
  } catch (error) {
    misfit = error;
  }
  if (!view || !key) {
    await withdrawUnknown(execution, job.view, canonicalText(args));
    await fail(ledger, effect, misfit);
    return "failed";
  }

  const row = await findRow(db, view, key.text);
  if (row && !job.byWrite) await touch(ledger, view, row);
  const run = await findRun(db, view, key.text);
  const pages = run && (await findPages(ledger.db, run._id));
  if (run && (await isAlive(ctx, pages?.job ?? run.job))) {
    // Nothing may count on this job any more: the run may be committing, and want another recompute. This write
    // conflicts with that commit's read of the entry.
    if (isPutOff) await clear(ledger, entry, "trailingJob");
    return "overtaken";
  }
  const isResumed = run && pages && view.mode === "paged" && entry?.failure;
  if (!isResumed) {
    if (run) await endRun(execution, run);
    // The commit judges the new row again, and throws what the predicate throws.
    if (hasValue(row) && (await judgeForReader(reader, view, row, () => {})) === "fresh") {
      await withdraw(db, view, row);
      await clear(ledger, entry, "failure", "seen", ...(isPutOff ? (["trailingJob"] as const) : []));
      return "clean";
    }
  }

  if (view.maxParallel !== undefined && !turn) {
    await awaitTurn(execution, job);
    return "queued";
  }

  const isLate = start && start.windowEndsAt <= now;
  if (isPutOff || isLate || !isOwn) {
    const opened = { windowEndsAt: now + windowMs, taken: true, trailingJob: undefined, seen: row?.asOf ?? 0n };
    entry = await writeEntry(ledger, entry ?? own, opened);
  } else if (entry?.taken === false) {
    entry = await writeEntry(ledger, entry, { taken: true });
  }

  if (isResumed) {
    await ledger.db.patch("lazyRuns", run._id, { turn });
    await scheduleStep(execution, run, pages, now);
    return "begun";
  }
  try {
    if (view.mode !== "transaction") return await beginRun(execution, view, key, job);
    const transactionLimits = await limitsWithReserve(ctx);
    await ctx.runMutation(app.refs.recompute, { job: { ...job, kind: "commit" } }, { transactionLimits });
  } catch (error) {
    await withdraw(db, view, row);
    execution.wakesReaders = true;
    return await failAttempt(execution, job, error);
  }
  await clear(ledger, entry, "failure");
  return "committed";
}
