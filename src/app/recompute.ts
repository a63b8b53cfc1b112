import type { GenericId, Value } from "convex/values";
import { type LazyApp, missingFunctionError } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import {
  type ActJob,
  type Computed,
  type Found,
  type Page,
  type RecomputeJob,
  type RecomputeOutcome,
  refuse,
} from "../model/jobs.js";
import { toKey } from "../model/row.js";
import { computeAndCommit, computeValue } from "../recompute/commit.js";
import { readPage } from "../recompute/pages.js";
import { attempt } from "../recompute/recompute.js";
import { doRunJob } from "../recompute/run.js";
import { endTurn } from "../recompute/turns.js";
import { type AnyActionCtx, type AnyMutationCtx, type AnyQueryCtx, lazyDb, type Run } from "../schema.js";
import { sweepSpan } from "../times.js";
import { reasonOf } from "../values/describe.js";
import { inAction, inQuery, withExecution } from "./builders.js";

/** The mutation `recompute`. */
export async function recompute(app: LazyApp, ctx: AnyMutationCtx, job: RecomputeJob): Promise<RecomputeOutcome> {
  return await withExecution(app, ctx, (execution) => runJob(execution, job));
}

async function runJob(execution: MutationExecution, job: RecomputeJob): Promise<RecomputeOutcome> {
  const { views } = execution.app;
  switch (job.kind) {
    case "attempt": {
      const outcome = await attempt(execution, job);
      // A run has the turn until it ends.
      if (outcome !== "begun") await endTurn(execution, job.turn);
      return outcome;
    }
    case "commit": {
      const view = views.get(job.view) as ViewDefinition;
      const key = toKey(view, job.args);
      await execution.mutex.run(() => computeAndCommit(execution, view, key, job));
      return "committed";
    }
    case "step":
    case "started":
    case "finish":
    case "commitRun":
      return await doRunJob(execution, job);
    default:
      return refuse(job);
  }
}

/**
 * What a key's value is in this snapshot, or the next page of it. A snapshot that does not show the run is from before
 * its begin, and may miss a change that has not been noted in the run.
 *
 * @returns Null when the snapshot is too old, or the run is over.
 */
export async function answerRun(
  app: LazyApp,
  ctx: AnyQueryCtx,
  { run: id, next }: { run: GenericId<"lazyRuns">; next?: Parameters<typeof readPage>[3] },
): Promise<Found | null> {
  const run: Run | null = await lazyDb(ctx.db).get("lazyRuns", id);
  const view = run === null ? undefined : app.views.get(run.view);
  if (run === null || view === undefined) return null;
  const key = toKey(view, run.args);
  if (next !== undefined) {
    const page = await inQuery(app, ctx, (inner) => readPage(inner, view, key, next), {});
    return { page: page as Page };
  }
  const computed = await inQuery(app, ctx, (inner) => computeValue(inner, view, key), {});
  return { computed: computed as Computed };
}

/** The action `act`: computes, and hands the value to the mutation that commits it. */
export async function act(
  app: LazyApp,
  ctx: AnyActionCtx,
  { run, view: name, args, scheduledAt, asOf, probes }: ActJob,
): Promise<RecomputeOutcome> {
  const report = async (job: RecomputeJob) => {
    try {
      return await ctx.runMutation(app.refs.recompute, { job });
    } catch (error) {
      throw missingFunctionError(app.module, "recompute", error);
    }
  };
  let computed: Computed;
  try {
    const view = app.views.get(name) as ViewDefinition;
    if (Date.now() - scheduledAt > sweepSpan(view.timeoutMs)) await report({ kind: "started", run });
    const key = toKey(view, args);
    const compute = view.compute as (ctx: object, key: unknown) => unknown;
    const value = await inAction(app, ctx, (inner) => compute(inner, key.args), {});
    const { version } = view;
    computed = { value: view.checkValue(value) as Value, version, asOf, ...(probes && { probes }) };
  } catch (error) {
    return await report({ kind: "finish", run, error: reasonOf(error) });
  }
  return await report({ kind: "finish", run, computed });
}
