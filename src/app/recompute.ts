import type { Value } from "convex/values";
import { called, type LazyApp } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, withoutIdentity } from "../model/execution.js";
import type { ActJob, Attempt, Computed, Found, Question, RecomputeJob, RecomputeOutcome } from "../model/jobs.js";
import { toKey } from "../model/row.js";
import { computeAndCommit } from "../recompute/commit.js";
import { Compute, computeValue } from "../recompute/compute.js";
import { readPage } from "../recompute/pages.js";
import { attempt } from "../recompute/recompute.js";
import { endTurn } from "../recompute/turns.js";
import { type AnyActionCtx, type AnyQueryCtx, lazyDb } from "../schema.js";
import { covered } from "../staleness/coverage.js";
import { sweepSpan } from "../times.js";
import { reasonOf } from "../values/describe.js";
import { inAction, queryExecution } from "./builders.js";

type Of<Union, Kind> = Extract<Union, { kind: Kind }>;

/** Makes an attempt. Its turn ends with it; but a run that it has begun keeps the turn until the run ends. */
export async function runAttempt(execution: MutationExecution, job: Attempt): Promise<RecomputeOutcome> {
  const outcome = await attempt(execution, job);
  if (outcome !== "begun") await endTurn(execution, job.turn);
  return outcome;
}

export async function runCommit(execution: MutationExecution, job: Of<RecomputeJob, "commit">) {
  const view = execution.app.views.get(job.view) as ViewDefinition;
  const key = toKey(view, job.args);
  await execution.mutex.run(() => computeAndCommit(execution, view, key, job));
  return "committed" as const;
}

/**
 * Computes the value of a key in this snapshot, or its next page. Returns null when the run is over, or when the
 * snapshot is from before its start: it could lack a change that the run has not noted. The mutation that asks
 * dispatches the effects.
 */
export async function answerRun(app: LazyApp, ctx: AnyQueryCtx, { run: id, next }: Of<Question, "compute">) {
  const run = await lazyDb(ctx.db).get("lazyRuns", id);
  const view = run && app.views.get(run.view);
  if (!run || !view) return null;
  const key = toKey(view, run.args);
  const execution = queryExecution(app, ctx);
  const found: Found = await covered(view, key, async (coverage) => {
    if (next === undefined) return { computed: await computeValue(execution, view, key, { coverage }) };
    return { page: await readPage(new Compute(execution, view, key, { coverage }).ctx, view, key, next) };
  });
  return { ...found, effects: execution.collector.take() };
}

/** The action `act`: computes the value, and calls the mutation that commits it. */
export async function act(app: LazyApp, ctx: AnyActionCtx, job: Of<ActJob, "compute">): Promise<RecomputeOutcome> {
  const { run, view: name, args, scheduledAt, asOf, probes } = job;
  const report = (next: RecomputeJob) => called(app, "recompute", ctx.runMutation(app.refs.recompute, { job: next }));
  let result: { computed: Computed } | { error: string };
  try {
    const view = app.views.get(name) as ViewDefinition;
    if (Date.now() - scheduledAt > sweepSpan(view.timeoutMs)) await report({ kind: "started", run });
    const key = toKey(view, args);
    const compute = (inner: AnyActionCtx) => view.compute(withoutIdentity(inner) as never, key.args as never);
    const value = view.checkValue(await inAction(app, ctx, compute, {})) as Value;
    result = { computed: { value, version: view.version, asOf, probes } };
  } catch (error) {
    result = { error: reasonOf(error) };
  }
  return report({ kind: "finish", run, ...result });
}
