import type { GenericId, Value } from "convex/values";
import { findEntry, succeed } from "../effects/ledger.js";
import { askSnapshot } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt, Computed, Found, RecomputeJob, RecomputeOutcome } from "../model/jobs.js";
import { limitsWithReserve } from "../model/limits.js";
import { findRow, type Key, keyOrNone, withdraw } from "../model/row.js";
import { findPages, goOn, isAlive, removeRun } from "../model/run.js";
import type { Run } from "../schema.js";
import { recomputeSoon } from "../staleness/mark.js";
import { RETRY_SNAPSHOT_MS } from "../times.js";
import { lookAfter, scheduleStep } from "./beginRun.js";
import { commitComputed } from "./commit.js";
import { failAttempt, ledgerText, withdrawUnknown } from "./failure.js";
import { nextPageBy, shrinkPage, takePage } from "./pages.js";
import { endTurn } from "./turns.js";

type RunId = GenericId<"lazyRuns">;
type Job<Kind> = Extract<RecomputeJob, { kind: Kind }>;

/** A run that lasts, with the view and key that it is of. */
interface Known {
  run: Run;
  view: ViewDefinition;
  key: Key;
}

/**
 * The run of a job; null when it is over. One of a view that is gone, or of a key that does not fit it, is given up; so
 * is one of a view that computes in one transaction by now, whose changes do not look for runs.
 */
async function find(execution: MutationExecution, id: RunId): Promise<Known | null> {
  const run = await execution.ledger.db.get("lazyRuns", id);
  if (run === null) return null;
  const view = execution.app.views.get(run.view);
  const key = view && keyOrNone(view, run.args);
  const hasRuns = view !== undefined && view.mode !== "transaction";
  if (hasRuns && key !== undefined) return { run, view, key };
  await removeRun(execution.ledger.db, run);
  await withdrawUnknown(execution, run.view, run.key);
  await endTurn(execution, view, run.turn);
  if (view !== undefined && key !== undefined) {
    const row = await findRow(execution.db, view, run.key);
    await recomputeSoon(execution, view, key, row ?? { asOf: 0n });
  }
  return null;
}

/**
 * Goes on with a run of the mode `snapshot` or `paged`.
 *
 * 1. It is over → overtaken: the app has committed or deleted the row, or the run was given up.
 * 2. Another version took in the first pages → given up.
 * 3. Compute the value, or its next page, in a stale snapshot. One from before the begin → try again soon.
 * 4. Commit the row, or the page, in a sub-transaction. After a page that is not the last → go on with the next.
 * 5. It threw → given up; but a paged run stays where it is, and the retry goes on from there.
 */
export async function step(execution: MutationExecution, { run: id }: Job<"step">): Promise<RecomputeOutcome> {
  const known = await find(execution, id);
  if (known === null) return "overtaken";
  const { run, view } = known;
  const { app, ctx, ledger } = execution;
  const pages = await findPages(ledger.db, id);
  if (pages !== null && (run.version !== view.version || view.mode !== "paged")) {
    const deployed = `version ${view.version} was deployed while version ${run.version} was computed`;
    return await giveUp(execution, known, deployed);
  }
  try {
    const transactionLimits = await limitsWithReserve(ctx);
    const next = pages === null ? {} : { next: { cursor: pages.cursor, numItems: pages.numItems } };
    const question = { kind: "compute" as const, run: id, ...next };
    const found = await askSnapshot<Found | null>(app, ctx, question, { transactionLimits });
    if (found === null) {
      const job = await scheduleStep(execution, id, Date.now() + RETRY_SNAPSHOT_MS);
      if (pages === null) await goOn(ledger.db, run, { job });
      else await nextPageBy(ledger.db, id, job);
      return "begun";
    }
    const job = { kind: "commitRun" as const, run: id, found };
    const outcome = await ctx.runMutation(app.refs.recompute, { job }, { transactionLimits });
    if (outcome === "begun") {
      await nextPageBy(ledger.db, id, await scheduleStep(execution, id, Date.now()));
      await succeed(ledger, await entryOf(execution, run));
      return "begun";
    }
  } catch (error) {
    if (pages === null) return await giveUp(execution, known, error);
    await shrinkPage(ledger.db, id);
    await endTurn(execution, view, run.turn);
    return await failAttempt(execution, run as never, await entryOf(execution, run), error);
  }
  return await ended(execution, known);
}

/** The action of a run has started late: the time that it may take counts from now on. */
export async function noteStart(execution: MutationExecution, { run: id }: Job<"started">): Promise<RecomputeOutcome> {
  const known = await find(execution, id);
  if (known === null) return "overtaken";
  await lookAfter(execution, known.run, known.view);
  return "begun";
}

/** The action of a run has ended: what it has computed is committed. It failed → given up. */
export async function finish(
  execution: MutationExecution,
  { run: id, computed, error }: Job<"finish">,
): Promise<RecomputeOutcome> {
  const known = await find(execution, id);
  if (known === null) return "overtaken";
  if (computed === undefined) return await giveUp(execution, known, error);
  try {
    const transactionLimits = await limitsWithReserve(execution.ctx);
    const job = { kind: "commitRun" as const, run: id, found: { computed } };
    await execution.ctx.runMutation(execution.app.refs.recompute, { job }, { transactionLimits });
  } catch (thrown) {
    return await giveUp(execution, known, thrown);
  }
  return await ended(execution, known);
}

/**
 * The commit of a run, or of one of its pages, in its sub-transaction.
 *
 * @returns `begun` when there are more pages to come.
 */
export async function commitRun(
  execution: MutationExecution,
  { run: id, found }: Job<"commitRun">,
): Promise<RecomputeOutcome> {
  const known = await find(execution, id);
  if (known === null) return "overtaken";
  const { run, view, key } = known;
  const { db } = execution.ledger;
  let computed: Computed;
  if ("computed" in found) computed = found.computed;
  else {
    const finished = await takePage(db, view, key, id, found.page);
    if (finished === undefined) return "begun";
    const { version, asOf, probes } = run;
    const value = view.checkValue(finished.value) as Value;
    computed = { value, version, asOf: asOf as bigint, ...(probes && { probes }) };
  }
  await commitComputed(execution, view, key, run, computed);
  await removeRun(db, run);
  return "committed";
}

async function ended(execution: MutationExecution, { run, view }: Known): Promise<RecomputeOutcome> {
  await endTurn(execution, view, run.turn);
  await succeed(execution.ledger, await entryOf(execution, run));
  return "committed";
}

/** Ends a run without a value. Readers may ask. */
async function abandon(execution: MutationExecution, { run, view }: Known): Promise<void> {
  const { db, ledger } = execution;
  await removeRun(ledger.db, run);
  const row = await findRow(db, view, run.key);
  if (row !== null) await withdraw(db, view, row);
  await endTurn(execution, view, run.turn);
}

/** The same; remembers why, and schedules the next attempt. */
async function giveUp(execution: MutationExecution, known: Known, error: unknown): Promise<RecomputeOutcome> {
  await abandon(execution, known);
  return await failAttempt(execution, known.run as never, await entryOf(execution, known.run), error);
}

async function entryOf(execution: MutationExecution, run: Run) {
  return await findEntry(execution.ledger.db, ledgerText(execution, run as Attempt & Run));
}

/**
 * A sweep looks at a run that has lasted for as long as it may.
 *
 * - A page has come in since → look again later.
 * - Its job has not started → it is only late, and its time counts from its start: look again later.
 * - A page has failed, and the retry is scheduled → it begins anew.
 * - Else, when an action has taken too long, or the job has died → given up.
 */
export async function lookAtRun(execution: MutationExecution, id: RunId): Promise<void> {
  const known = await find(execution, id);
  if (known === null) return;
  const { run, view } = known;
  const { timeoutMs } = view;
  const pages = await findPages(execution.ledger.db, id);
  const now = Date.now();
  if (pages !== null && pages.updatedAt + timeoutMs > now) {
    return await lookAfter(execution, run, view, {}, pages.updatedAt);
  }
  const state = await isAlive(execution.ctx, pages?.job ?? run.job);
  if (state === "pending" || (state === "inProgress" && view.mode !== "action")) {
    return await lookAfter(execution, run, view);
  }
  const entry = await entryOf(execution, run);
  if (entry?.failure !== undefined && (await isAlive(execution.ctx, entry.trailingJob))) {
    await abandon(execution, known);
  } else await giveUp(execution, known, `the run did not end within ${timeoutMs / 1_000} s`);
}
