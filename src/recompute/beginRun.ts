import type { GenericId, Value } from "convex/values";
import { scheduleAt, sweepWhenDue } from "../effects/sweep.js";
import { pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt, RecomputeOutcome } from "../model/jobs.js";
import type { Key } from "../model/row.js";
import { goOn, type RunWork } from "../model/run.js";
import type { Run } from "../schema.js";
import { probeTexts } from "../staleness/judge.js";
import { nextPageBy, pagedOf, startPages } from "./pages.js";

type RunId = GenericId<"lazyRuns">;

/**
 * Begins a run: inserts its document, and schedules its work. A sweep looks whether it has died.
 *
 * @throws What a probe or `initial` throws.
 */
export async function beginRun(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  { byWrite, turn }: Attempt,
): Promise<RecomputeOutcome> {
  const { ctx, reader, ledger } = execution;
  const { db } = ledger;
  const probes = view.mode === "snapshot" ? undefined : await probeTexts(reader, view, key.args);
  const accumulated = view.mode === "paged" ? pagedOf(view).initial(key.args as never) : null;
  const asOf = ctx.meta.getSnapshotTs();
  const work: RunWork = {
    view: view.name,
    key: key.text,
    args: key.args,
    version: view.version,
    asOf,
    ...(byWrite && { byWrite }),
    ...(turn && { turn }),
    ...(probes && { probes }),
  };
  const run = await db.insert("lazyRuns", work);
  if (view.mode === "paged") await startPages(db, run, accumulated);
  const job =
    view.mode === "action" ? await scheduleAct(execution, run, work) : await scheduleStep(execution, run, Date.now());
  await lookAfter(execution, { _id: run }, view, { job });
  return "begun";
}

/** Goes on with a run whose page had failed. */
export async function resumeRun(
  execution: MutationExecution,
  run: Run,
  turn: Attempt["turn"],
): Promise<RecomputeOutcome> {
  const job = await scheduleStep(execution, run._id, Date.now());
  await goOn(execution.ledger.db, run, { turn, job });
  await nextPageBy(execution.ledger.db, run._id, job);
  return "begun";
}

export async function scheduleStep({ ledger }: MutationExecution, run: RunId, time: number) {
  return await scheduleAt(ledger, time, ledger.recompute, { job: { kind: "step", run } });
}

async function scheduleAct({ app, ledger }: MutationExecution, run: RunId, { view, args, asOf, probes }: RunWork) {
  const scheduledAt = Date.now();
  const job = { run, view, args: args as Value, asOf, scheduledAt, ...(probes && { probes }) };
  return await scheduleAt(ledger, scheduledAt, pathOf(app, "act"), { job });
}

/** Has a sweep look after a run, when it has lasted for as long as its view lets it. */
export async function lookAfter(
  { ledger }: MutationExecution,
  run: Pick<Run, "_id">,
  { timeoutMs }: ViewDefinition,
  change: Pick<Run, "job"> = {},
  since = Date.now(),
): Promise<void> {
  const expiresAt = since + timeoutMs;
  await goOn(ledger.db, run, { ...change, expiresAt });
  await sweepWhenDue(ledger, "lazyRuns", { expiresAt, now: Date.now() });
}
