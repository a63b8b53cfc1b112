import type { GenericId, Value } from "convex/values";
import { clear } from "../effects/ledger.js";
import { scheduleAt, sweepWhenDue } from "../effects/sweep.js";
import { askSnapshot, pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt, Found, RecomputeJob, RecomputeOutcome } from "../model/jobs.js";
import { limitsWithReserve } from "../model/limits.js";
import { findRow, type Key, keyOrNone } from "../model/row.js";
import { findPages, isAlive, type RunWork, removeRun } from "../model/run.js";
import type { Run } from "../schema.js";
import { probeTexts } from "../staleness/judge.js";
import { recomputeSoon } from "../staleness/mark.js";
import { RETRY_SNAPSHOT_MS } from "../times.js";
import { commit } from "./commit.js";
import { entryOf, failAttempt, withdrawUnknown } from "./failure.js";
import { type KnownRun, type Pages, startPages, takePage } from "./pages.js";
import { endRun, endTurn } from "./turns.js";

type RunId = GenericId<"lazyRuns">;
type RunJob = Extract<RecomputeJob, { run: RunId }>;
type StepJob = Extract<RunJob, { kind: "step" | "finish" }>;
type RunAndJob = Pick<Run, "_id" | "job">;

/** Begins a run: inserts its document, and schedules its work. @throws What a probe or `initial` throws. */
export async function beginRun(execution: MutationExecution, view: ViewDefinition, key: Key, job: Attempt) {
  const { app, ctx, ledger, reader } = execution;
  const { name, version, mode, paged } = view;
  const { args, text } = key;
  const { byWrite, turn } = job;
  const probes = mode === "snapshot" ? undefined : await probeTexts(reader, view, args);
  const accumulated = paged?.initial(args as never) ?? null;
  const asOf = ctx.meta.getSnapshotTs();
  const now = Date.now();
  const shared = { view: name, args, asOf, probes };
  const work = { ...shared, key: text, version, byWrite: byWrite || undefined, turn } as RunWork;
  const run = await ledger.db.insert("lazyRuns", work);
  if (paged) await startPages(ledger.db, run, accumulated as Value, now);
  const isAction = mode === "action";
  const target = isAction ? pathOf(app, "act") : ledger.recompute;
  const first = isAction ? { kind: "compute", ...shared, run, scheduledAt: now } : { kind: "step", run };
  const scheduled = await scheduleAt(ledger, now, target, { job: first as Value });
  await lookAfter(execution, view, { _id: run, job: scheduled }, now);
  return "begun" as const;
}

/** Schedules the next step of a run, which its document names; in the mode `paged`, that of its pages. */
export async function scheduleStep({ ledger }: MutationExecution, run: Run, pages: Pages | null, time: number) {
  const job = await scheduleAt(ledger, time, ledger.recompute, { job: { kind: "step", run: run._id } });
  if (pages) await ledger.db.patch("lazyPages", pages._id, { job });
  else await ledger.db.patch("lazyRuns", run._id, { job });
}

/** Makes sure that a sweep looks at a run when it has lasted for its view's `timeout`. */
async function lookAfter({ ledger }: MutationExecution, view: ViewDefinition, run: RunAndJob, since = Date.now()) {
  const expiresAt = since + view.timeoutMs;
  await ledger.db.patch("lazyRuns", run._id, { job: run.job, expiresAt });
  await sweepWhenDue(ledger, "lazyRuns", expiresAt);
}

/** Does a job of a run; `overtaken` when the app has committed or deleted the row, or the run was given up. */
export async function doRunJob(execution: MutationExecution, job: RunJob): Promise<RecomputeOutcome> {
  const known = await find(execution, job.run);
  if (!known) return "overtaken";
  if (job.kind === "commitRun") return await commitFound(execution, known, job.found);
  if (job.kind !== "started") return await step(execution, known, job);
  // The action has started late: the time that it may take counts from now on.
  await lookAfter(execution, known.view, known.run);
  return "begun";
}

/**
 * A run, if it lasts. One of a view that is gone, or of a key that does not fit it, is given up; so is one of a view
 * that computes in one transaction by now, whose changes do not look for runs.
 */
async function find(execution: MutationExecution, id: RunId): Promise<KnownRun | null> {
  const run = (await execution.ledger.db.get("lazyRuns", id)) as KnownRun["run"] | null;
  if (!run) return null;
  const view = execution.app.views.get(run.view);
  const key = view && keyOrNone(view, run.args);
  if (view && key && view.mode !== "transaction") return { run, view, key };
  await abandon(execution, run);
  if (view && key) await recomputeSoon(execution, view, key, await findRow(execution.db, view, run.key));
  return null;
}

/**
 * Goes on with a run.
 *
 * 1. Another version took in the first pages → given up.
 * 2. Compute the value (an action has), or its next page, in a stale snapshot; one from before the begin → try again.
 * 3. Commit the row, or the page, in a sub-transaction. After a page that is not the last → go on with the next.
 * 4. It threw → given up. But a paged run stays where it is: the retry goes on from there, with half as many items.
 */
async function step(execution: MutationExecution, known: KnownRun, job: StepJob): Promise<RecomputeOutcome> {
  const { run, view } = known;
  const { app, ctx, ledger, raw } = execution;
  const pages = job.kind === "step" ? await findPages(ledger.db, run._id) : null;
  if (pages && (run.version !== view.version || view.mode !== "paged")) {
    const reason = `version ${view.version} was deployed while version ${run.version} was computed`;
    return await giveUp(execution, run, reason);
  }
  let outcome: RecomputeOutcome;
  try {
    const transactionLimits = await limitsWithReserve(ctx);
    let found: Found | null;
    if (job.kind === "step") {
      const next = pages && { next: { cursor: pages.cursor, numItems: pages.numItems } };
      const question = { kind: "compute" as const, run: run._id, ...next };
      found = await askSnapshot<Found | null>(app, raw, question, { transactionLimits });
    } else if (job.computed) found = { computed: job.computed };
    else throw new Error(job.error);
    if (!found) {
      await scheduleStep(execution, run, pages, Date.now() + RETRY_SNAPSHOT_MS);
      return "begun";
    }
    for (const effect of found.effects ?? []) execution.collector.raise(effect);
    const commitRun = { kind: "commitRun" as const, run: run._id, found };
    outcome = await ctx.runMutation(app.refs.recompute, { job: commitRun }, { transactionLimits });
    if (outcome === "begun") await scheduleStep(execution, run, pages, Date.now());
  } catch (error) {
    if (!pages) return await giveUp(execution, run, error);
    await ledger.db.patch("lazyPages", pages._id, { numItems: Math.max(Math.floor(pages.numItems / 2), 1) });
    await endTurn(execution, run.turn);
    return await failAttempt(execution, run, error);
  }
  if (outcome !== "begun") await endTurn(execution, run.turn);
  await clear(ledger, await entryOf(execution, run), "failure");
  return outcome;
}

/** The commit of a run, or of one of its pages, in its sub-transaction. `begun`: there are more pages to come. */
async function commitFound(execution: MutationExecution, known: KnownRun, found: Found): Promise<RecomputeOutcome> {
  const { run, view, key } = known;
  const { db } = execution.ledger;
  const computed = "computed" in found ? found.computed : await takePage(db, known, found.page);
  if (!computed) return "begun";
  await execution.mutex.run(() => commit(execution, view, key, computed, run));
  await removeRun(db, run);
  return "committed";
}

/** Ends a run without a value, and lets the row's readers ask again. */
async function abandon(execution: MutationExecution, run: Run): Promise<void> {
  await withdrawUnknown(execution, run.view, run.key);
  await endRun(execution, run);
}

/** Ends a run without a value, remembers why, and schedules the next attempt. */
async function giveUp(execution: MutationExecution, run: KnownRun["run"], error: unknown): Promise<RecomputeOutcome> {
  await abandon(execution, run);
  return await failAttempt(execution, run, error);
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
  if (!known) return;
  const { run, view } = known;
  const pages = await findPages(execution.ledger.db, id);
  if (pages && pages.updatedAt + view.timeoutMs > Date.now()) {
    return await lookAfter(execution, view, run, pages.updatedAt);
  }
  const state = await isAlive(execution.ctx, pages?.job ?? run.job);
  if (state === "pending" || (state === "inProgress" && view.mode !== "action")) {
    return await lookAfter(execution, view, run);
  }
  const entry = await entryOf(execution, run);
  const isRetried = entry?.failure && (await isAlive(execution.ctx, entry.trailingJob));
  if (isRetried) await abandon(execution, run);
  else await giveUp(execution, run, `the run did not end within ${view.timeoutMs / 1_000} s`);
}
