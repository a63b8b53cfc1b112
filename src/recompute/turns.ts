import type { GenericId } from "convex/values";
import { scheduleAt, sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt } from "../model/jobs.js";
import { workMs } from "../model/row.js";
import { findRun, isAlive, removeRun } from "../model/run.js";
import type { LazyReader, Run, Turn } from "../schema.js";
import { PATIENCE_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { findBy } from "../values/findBy.js";

/*
 * Turns: a view with `maxParallel` runs at most that many recomputes at a time. An attempt that has something to do
 * waits for its turn, each key once; when the turn comes, the attempt is scheduled again. The transaction that ends a
 * turn starts the keys that have waited longest. A sweep ends the turn of a job that has died.
 *
 *   wait → (a later attempt for the key replaces the job) → start → end
 */

/** Lets an attempt wait for its turn, which may come at once. */
export async function awaitTurn(execution: MutationExecution, job: Attempt): Promise<void> {
  const { db } = execution.ledger;
  const { view } = job;
  const key = canonicalText(job.args);
  const waiting = await findWaiting(db, view, key);
  if (!waiting) await db.insert("lazyTurns", { view, key, job });
  // An attempt of a later window replaces the one that waits; one of an earlier window has only started late.
  else if (windowOf(job) > windowOf(waiting.job as Attempt)) await db.patch("lazyTurns", waiting._id, { job });
  await startWaiting(execution, view);
}

/** The end of the window that an attempt belongs to. */
const windowOf = ({ start }: Attempt): number => start?.windowEndsAt ?? 0;

/** The turn that a key waits for. */
export async function findWaiting(db: LazyReader, view: string, key: string): Promise<Turn | undefined> {
  const turns = await findBy(db, "lazyTurns", "by_key", { view, key }).collect();
  return turns.find(({ running }) => running === undefined);
}

/** Ends a turn, and starts the keys that have waited longest. */
export async function endTurn(execution: MutationExecution, id: GenericId<"lazyTurns"> | undefined): Promise<void> {
  const { db } = execution.ledger;
  const turn = id && (await db.get("lazyTurns", id));
  if (!turn) return;
  await db.delete("lazyTurns", turn._id);
  await startWaiting(execution, turn.view);
}

/** Ends a run, and its turn. */
export async function endRun(execution: MutationExecution, run: Run): Promise<void> {
  await removeRun(execution.ledger.db, run);
  await endTurn(execution, run.turn);
}

/** Ends the run of a key whose row the app itself commits or deletes. Returns whether there was a run. */
export async function endRunOf(execution: MutationExecution, view: ViewDefinition, key: string): Promise<boolean> {
  const run = await findRun(execution.db, view, key);
  if (run) await endRun(execution, run);
  return run !== null;
}

/** Starts as many waiting keys as may run. In a view that has no `maxParallel` any more, each call starts one. */
async function startWaiting(execution: MutationExecution, view: string): Promise<void> {
  const { app, ledger } = execution;
  const findRunning = () =>
    ledger.db
      .query("lazyTurns")
      .withIndex("by_state", (q) => q.eq("view", view).gt("running", "" as never))
      .collect();
  let running = await findRunning();
  // The sweep that should have looked at these may have died.
  const overdue = running.filter(({ expiresAt = 0 }) => expiresAt <= Date.now());
  for (const turn of overdue) await lookAtTurn(execution, turn);
  if (overdue.length > 0) running = await findRunning();
  const free = (app.views.get(view)?.maxParallel ?? running.length + 1) - running.length;
  if (free <= 0) return;
  const next = await findBy(ledger.db, "lazyTurns", "by_state", { view, running: undefined }).take(free);
  for (const turn of next) {
    const job = { ...(turn.job as object), turn: turn._id };
    const started = await scheduleAt(ledger, Date.now(), ledger.recompute, { job } as never);
    await keepTurn(execution, { ...turn, running: started });
  }
}

/** Gives a turn to its job, and makes sure that a sweep checks whether the job has died. */
async function keepTurn({ app, ledger }: MutationExecution, { _id, view, running }: Turn): Promise<void> {
  const definition = app.views.get(view);
  const expiresAt = Date.now() + (definition ? workMs(definition) : PATIENCE_MS);
  await ledger.db.patch("lazyTurns", _id, { running, expiresAt });
  await sweepWhenDue(ledger, "lazyTurns", expiresAt);
}

/**
 * Looks at a turn, for a sweep: the turn stays while its job or its run is under way, and ends when the job has died.
 */
export async function lookAtTurn(execution: MutationExecution, turn: Turn): Promise<void> {
  const run = await findRun(execution.db, { name: turn.view }, turn.key);
  const isHeld = run?.turn === turn._id || (await isAlive(execution.ctx, turn.running));
  if (!isHeld) return await endTurn(execution, turn._id);
  await keepTurn(execution, turn);
}
