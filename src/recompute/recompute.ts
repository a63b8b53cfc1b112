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
 * Makes an attempt to recompute a key.
 *
 * 1. The backoff of a failure is pending → overtaken. The attempt is in an open window, and that is not its own, or
 *    another attempt has taken it → overtaken. But a window with `taken: false` is for the first attempt that comes,
 *    and an attempt that was put off to the end of the window starts whatever the clock shows.
 * 2. The view was removed from the code, or the key is too long or does not fit the view → failed, without a retry. The
 *    announcement in the row is withdrawn, so that readers ask again if view and key come back.
 * 3. A reader has asked for a row that is idle → it is not idle any more, whatever the outcome.
 * 4. A run of the key is under way → overtaken: its end lets readers ask again. A run whose page has failed is resumed;
 *    one whose job has died is ended.
 * 5. The row is fresh → clean. The effect was outdated: `seen` is cleared, so that the next effect is not a duplicate.
 * 6. The view has `maxParallel`, and this attempt has no turn → queued.
 * 7. The attempt was put off, or starts late or in another window → it opens a window of its own. Otherwise it takes
 *    the window that is free.
 * 8. The view computes outside one transaction → begin a run. Otherwise compute and commit in a sub-transaction, which
 *    leaves a reserve of this transaction's limits: when a compute exceeds its limits, that can be stored as a failure.
 * 9. It threw → its writes are rolled back. Store the failure, schedule the retry, and let readers ask again.
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
    // The commit of the run may rely on this job for the next recompute. Removing the job from the entry conflicts with
    // that commit's read of it, so the commit runs again and schedules another one.
    if (isPutOff) await clear(ledger, entry, "trailingJob");
    return "overtaken";
  }
  const isResumed = run && pages && view.mode === "paged" && entry?.failure;
  if (!isResumed) {
    if (run) await endRun(execution, run);
    // No logging here: when the predicate throws, the commit judges the new row, and throws the same.
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
