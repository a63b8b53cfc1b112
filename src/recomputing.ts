import type { GenericActionCtx, GenericDataModel } from "convex/server";
import { type AnyMutationCtx, type LazyApp, ledgerOf } from "./app.js";
import { runAction, runMutation, runQuery } from "./builders.js";
import { ledgerKey } from "./effects/effect.js";
import { missingFunctionError } from "./functions.js";
import type { InspectArgs } from "./inspect.js";
import { computeAndCommit } from "./recompute/commit.js";
import { type Page, readPage } from "./recompute/paged.js";
import {
  type RecomputeArgs,
  type RecomputeCtx,
  type RecomputeOutcome,
  recompute,
} from "./recompute/recompute.js";
import { commitRun, continueRun } from "./recompute/run.js";
import { awaitTurn, endTurn, guardTurn, keepTurn } from "./recompute/turns.js";
import { type Computed, checkValue, computeValue } from "./recompute/value.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import type { LazyMutationContext } from "./views/context.js";
import type { ViewDefinition } from "./views/definition.js";
import { toKey } from "./views/keys.js";
import { findRow } from "./views/rows.js";

/**
 * The mutation `recompute`: a job, one step of a run, or the sub-transaction that commits. A job of a view with
 * `maxParallel` first awaits its turn, and its end hands the turn on.
 */
export async function runRecompute(
  app: LazyApp,
  outer: AnyMutationCtx,
  job: RecomputeArgs,
): Promise<RecomputeOutcome> {
  const outcome = await runMutation(app, outer, async (ctx, lazy) => {
    const view = app.views.get(job.view);
    const self = app.refs.path("recompute");
    if (view !== undefined && job.commit) return await commit(ctx, lazy, view, job);
    if (job.watchdog && job.turn !== undefined && !isRun(job)) {
      await guardTurn(outer, view, self, { ...job, turn: job.turn });
      return "overtaken";
    }
    if (view?.maxParallel !== undefined && job.turn === undefined && !isRun(job)) {
      await awaitTurn(outer, view, self, job);
      return "queued";
    }
    const found = await step(app, outer, ctx, job);
    if (view !== undefined && job.turn !== undefined) {
      if (found === "begun") await keepTurn(outer, view, job.turn);
      else await endTurn(outer, view, self, job.turn);
    }
    return found;
  });
  return outcome as RecomputeOutcome;
}

async function commit(
  ctx: AnyMutationCtx,
  lazy: LazyMutationContext,
  view: ViewDefinition,
  job: RecomputeArgs,
): Promise<RecomputeOutcome> {
  const key = toKey(view, job.args);
  if (isRun(job)) return await commitRun(ctx, lazy, view, key, job);
  await computeAndCommit(ctx, view, key, lazy, job.byWrite ? "write" : "reader");
  return "committed";
}

async function step(
  app: LazyApp,
  outer: AnyMutationCtx,
  ctx: AnyMutationCtx,
  job: RecomputeArgs,
): Promise<RecomputeOutcome> {
  const recomputeCtx: RecomputeCtx = {
    ctx,
    ledger: ledgerOf(app, outer),
    views: app.views,
    self: app.refs.path("recompute"),
    act: app.refs.path("act"),
    ledgerText: (args) => ledgerKey({ target: app.refs.path("recompute"), args, windowMs: 0 }),
  };
  const goOn = (run: RecomputeArgs) =>
    continueRun(recomputeCtx, run, async (progress, transactionLimits) => {
      const next = progress && { cursor: progress.cursor, numItems: progress.numItems };
      const question = {
        view: run.view,
        args: run.args,
        run: run.run as bigint,
        ...(next === null ? {} : { next }),
      };
      const options = { useStaleSnapshot: true, transactionLimits };
      const answer = await outer.runQuery(app.refs.inspect, { compute: question }, options);
      return answer as Awaited<ReturnType<typeof computeForRun>>;
    });
  return isRun(job) ? await goOn(job) : await recompute(recomputeCtx, job, goOn);
}

function isRun(job: RecomputeArgs): job is RecomputeArgs & { run: bigint } {
  return job.run !== undefined;
}

/**
 * What a key's value is in this snapshot, or the next page of it. The run took the row's mark away before: a snapshot
 * that does not show that is from before it, and may miss a change that nobody will mark again.
 *
 * @returns Null when the snapshot is too old, or the run is over.
 */
export async function computeForRun(
  app: LazyApp,
  ctx: AnyQueryCtx,
  { view: name, args, run, next }: NonNullable<InspectArgs["compute"]>,
): Promise<{ computed: Computed } | { page: Page } | null> {
  const view = app.views.get(name) as ViewDefinition;
  const key = toKey(view, args);
  const row = await findRow(ctx.db, view, key.text);
  if (row?.refreshing?.token !== run) return null;
  if (next !== undefined) {
    const page = await runQuery(app, ctx, (inner) => readPage(inner, view, key, next), {});
    return { page: page as Page };
  }
  const computed = await runQuery(app, ctx, (inner) => computeValue(inner, view, key), {});
  return { computed: computed as Computed };
}

/** The action `act`: computes, and hands the value to the mutation that commits it under the run's name. */
export async function runAct(
  app: LazyApp,
  ctx: GenericActionCtx<GenericDataModel>,
  { probes, ...job }: RecomputeArgs & { run: bigint },
): Promise<RecomputeOutcome> {
  const report = async (found: Pick<RecomputeArgs, "computed" | "error">) => {
    try {
      return await ctx.runMutation(app.refs.recompute, { ...job, ...found });
    } catch (error) {
      throw missingFunctionError(app.module, "recompute", error);
    }
  };
  let computed: Computed;
  try {
    const view = app.views.get(job.view) as ViewDefinition;
    const key = toKey(view, job.args);
    const compute = view.compute as (ctx: object, key: unknown) => unknown;
    const value = await runAction(app, ctx, (inner) => compute(inner, key.args));
    computed = {
      value: checkValue(view, value),
      version: view.version,
      asOf: job.run,
      ...(probes === undefined ? {} : { probes }),
    };
  } catch (error) {
    return await report({ error: error instanceof Error ? error.message : String(error) });
  }
  return await report({ computed });
}
