import { findEntry, giveWay, isAhead, rest, succeed, writeEntry } from "../effects/ledger.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt, RecomputeOutcome } from "../model/jobs.js";
import { limitsWithReserve } from "../model/limits.js";
import { findRow, hasValue, type Key, toKey, withdraw } from "../model/row.js";
import { findPages, findRun, isAlive, removeRun } from "../model/run.js";
import type { Run, StoredRow } from "../schema.js";
import { judge } from "../staleness/judge.js";
import { beginRun, resumeRun } from "./beginRun.js";
import { failAttempt, failForGood, ledgerText } from "./failure.js";
import { awaitTurn, endTurn } from "./turns.js";

/**
 * An attempt to recompute a key.
 *
 * 1. In an open window, an attempt gives way that is not the window's own, or whose window another one has taken; unless
 *    the window is anybody's. What was put off to the window's end starts whatever the clock says. While the work
 *    rests after a failure, all give way. → overtaken
 * 2. The view is not in the code any more, or the key does not fit it → failed, without a retry.
 * 3. A run of the key is under way → overtaken: its end lets readers ask again. One whose page has failed is resumed;
 *    one whose job has died is over.
 *    The row is fresh → clean. The effect that led here was outdated; the next one is news.
 * 4. The view lets only some recomputes run at a time → queued, until the key's turn comes.
 * 5. An attempt that was put off, or starts after its window or in another one, opens its own window; another takes its
 *    window, if that is anybody's.
 * 6. Begin a run, when the view computes outside of one transaction; else compute and commit in a sub-transaction. It
 *    may use up all but a reserve of this transaction's limits, so that a compute that exceeds them can still be
 *    remembered as failed.
 * 7. It threw → its writes are rolled back; remember the failure and schedule the retry. Readers may ask again.
 */
export async function attempt(execution: MutationExecution, job: Attempt): Promise<RecomputeOutcome> {
  const { ledger, db, app } = execution;
  const view = app.views.get(job.view);
  const text = ledgerText(execution, job);
  let entry = await findEntry(ledger.db, text);
  const now = Date.now();
  const { start } = job;
  const windowMs = view?.windowMs ?? 0;
  const isOwn = start === undefined || entry === null || entry.windowEndsAt === start.windowEndsAt;
  const isPutOff = start?.isTrailing === true && isOwn;
  if (entry !== null && start !== undefined && !isPutOff && isAhead(entry.windowEndsAt, now, windowMs)) {
    if (isOwn ? entry.taken === true : entry.taken !== false) return "overtaken";
  }
  if (entry?.failure && isAhead(entry.failure.retryAt, now, windowMs)) return "overtaken";

  if (view === undefined) {
    const reason = `view "${job.view}" is not among the views of new LazyViews().`;
    return await failForGood(execution, job, entry, reason);
  }
  let key: Key;
  try {
    key = toKey(view, job.args);
  } catch (error) {
    return await failForGood(execution, job, entry, error);
  }

  const row = await findRow(db, view, key.text);
  const run = await findRun(db, view, key.text);
  const isLeft = run !== null && !(await isUnderWay(execution, run));
  const isResumed = isLeft && view.mode === "paged" && entry?.failure !== undefined;
  if (run !== null && !isLeft) {
    await giveWay(ledger, entry, isPutOff);
    return "overtaken";
  }
  if (isLeft && !isResumed) {
    await removeRun(ledger.db, run);
    await endTurn(execution, view, run.turn);
  }
  if (!isResumed && hasValue(row) && (await isFresh(execution, view, row))) {
    await withdraw(db, view, row);
    await rest(ledger, entry, isPutOff);
    return "clean";
  }

  if (view.maxParallel !== undefined && job.turn === undefined) {
    await awaitTurn(execution, view, job);
    return "queued";
  }

  const isLate = start !== undefined && start.windowEndsAt <= now;
  if (isPutOff || isLate || !isOwn) {
    const seen = row?.asOf ?? 0n;
    const opened = { windowEndsAt: now + windowMs, taken: true, trailingJob: undefined, seen };
    entry = await writeEntry(ledger, entry ?? { key: text, target: ledger.recompute }, opened);
  } else if (entry?.taken === false) {
    entry = await writeEntry(ledger, entry, { taken: true });
  }

  if (isResumed) return await resumeRun(execution, run, job.turn);
  try {
    if (view.mode !== "transaction") return await beginRun(execution, view, key, job);
    await commitInSubTransaction(execution, job);
  } catch (error) {
    if (row !== null) await withdraw(db, view, row);
    return await failAttempt(execution, job, entry, error);
  }
  await succeed(ledger, entry);
  return "committed";
}

async function commitInSubTransaction(
  { app, ctx }: MutationExecution,
  { view, args, byWrite }: Attempt,
): Promise<void> {
  const transactionLimits = await limitsWithReserve(ctx);
  const job = { kind: "commit" as const, view, args, ...(byWrite && { byWrite }) };
  await ctx.runMutation(app.refs.recompute, { job }, { transactionLimits });
}

/** Whether a run has a job that goes on with it. */
async function isUnderWay({ ctx, ledger }: MutationExecution, run: Run): Promise<boolean> {
  const pages = await findPages(ledger.db, run._id);
  return (await isAlive(ctx, pages?.job ?? run.job)) !== false;
}

async function isFresh({ reader }: MutationExecution, view: ViewDefinition, row: StoredRow): Promise<boolean> {
  try {
    return (await judge(reader, view, row)) === "fresh";
  } catch {
    return false; // The commit judges the new row again, and says what is wrong.
  }
}
