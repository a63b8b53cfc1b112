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

/** Begins a run: inserts its document, and schedules its first job. @throws What a probe or `initial` throws. */
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

/**
 * Schedules the next step of a run, and writes the job into its document; in the mode `paged`, into that of its pages.
 */
export async function scheduleStep({ ledger }: MutationExecution, run: Run, pages: Pages | null, time: number) {
  const job = await scheduleAt(ledger, time, ledger.recompute, { job: { kind: "step", run: run._id } });
  if (pages) await ledger.db.patch("lazyPages", pages._id, { job });
  else await ledger.db.patch("lazyRuns", run._id, { job });
}

/** Makes sure that a sweep looks at a run when the `timeout` of its view is over. */
async function lookAfter({ ledger }: MutationExecution, view: ViewDefinition, run: RunAndJob, since = Date.now()) {
  const expiresAt = since + view.timeoutMs;
  await ledger.db.patch("lazyRuns", run._id, { job: run.job, expiresAt });
  await sweepWhenDue(ledger, "lazyRuns", expiresAt);
}

/** Does a job of a run. `overtaken`: the app has committed or deleted the row, or the run was given up. */
export async function doRunJob(execution: MutationExecution, job: RunJob): Promise<RecomputeOutcome> {
  const known = await find(execution, job.run);
  if (!known) return "overtaken";
  if (job.kind === "commitRun") return await commitFound(execution, known, job.found);
  if (job.kind !== "started") return await step(execution, known, job);
  // The action has started late: its time limit counts from now.
  await lookAfter(execution, known.view, known.run);
  return "begun";
}

/**
 * Finds a run that has not ended. A run is given up when its view was removed, its key does not fit the view any more,
 * or the view has the mode `transaction` by now: then changes of its sources do not look for runs.
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
 * 1. Another version of the view accumulated the first pages → give the run up.
 * 2. Compute the value or the next page in a stale snapshot (an action has computed it already). The snapshot is from
 *    before the start of the run → try again a little later.
 * 3. Commit the row, or the page, in a sub-transaction. It was not the last page → go on with the next one.
 * 4. It threw → give the run up. But a paged run stays where it is: the retry reads the same page with half as many
 *    items.
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

/** Commits the row of a run, or one of its pages, in a sub-transaction. `begun`: there are more pages. */
async function commitFound(execution: MutationExecution, known: KnownRun, found: Found): Promise<RecomputeOutcome> {
  const { run, view, key } = known;
  const { db } = execution.ledger;
  const computed = "computed" in found ? found.computed : await takePage(db, known, found.page);
  if (!computed) return "begun";
  await execution.mutex.run(() => commit(execution, view, key, computed, run));
  await removeRun(db, run);
  return "committed";
}

/** Ends a run without a value, and lets the readers of the row ask again. */
async function abandon(execution: MutationExecution, run: Run): Promise<void> {
  await withdrawUnknown(execution, run.view, run.key);
  await endRun(execution, run);
}

/** Ends a run without a value, stores the reason, and schedules the next attempt. */
async function giveUp(execution: MutationExecution, run: KnownRun["run"], error: unknown): Promise<RecomputeOutcome> {
  await abandon(execution, run);
  return await failAttempt(execution, run, error);
}

/**
 * Looks at a run whose time limit is over, for a sweep.
 *
 * - A page was accumulated since → look again later.
 * - Its job has not started, or (but for actions) is running → look again later: the job is late, and its time counts
 *   from its start.
 * - A page has failed, and the retry is scheduled → end the run: the retry begins a new one.
 * - Otherwise an action has taken too long, or the job has died → give the run up.
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
