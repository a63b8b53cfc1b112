import type { GenericId } from "convex/values";
import { scheduleAt, sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt } from "../model/jobs.js";
import { workMs } from "../model/row.js";
import { findRun, isAlive, removeRun } from "../model/run.js";
import type { LazyReader, Turn } from "../schema.js";
import { canonicalText } from "../values/canonical.js";

/*
 * Turns: a view with `maxParallel` runs at most so many recomputes at a time. An attempt that has something to do waits for
 * its turn, each key once, and is scheduled again with it, so that others see it taken. The end of a turn starts the
 * keys that have waited longest: nobody polls. A sweep takes the turn of a job that has died.
 *
 *   wait → (another attempt for the key replaces the job) → start → end
 */

type TurnId = GenericId<"lazyTurns">;

/** Gives an attempt its turn, now or later. */
export async function awaitTurn(execution: MutationExecution, view: ViewDefinition, job: Attempt): Promise<void> {
  const { db } = execution.ledger;
  const waits = { view: view.name, key: canonicalText(job.args) };
  const waiting = await findWaiting(db, waits.view, waits.key);
  if (waiting === null) await db.insert("lazyTurns", { ...waits, job });
  // The attempt of the later window knows the one that is the key's; another one may only be late.
  else if (windowOf(job) > windowOf(waiting.job as Attempt)) {
    await db.patch("lazyTurns", waiting._id, { job });
  }
  await startWaiting(execution, view);
}

/** The window that an attempt is of. */
function windowOf({ start }: Attempt): number {
  return start?.windowEndsAt ?? 0;
}

/** Whether a key waits for its turn. */
export async function isWaiting(db: LazyReader, view: string, key: string): Promise<boolean> {
  return (await findWaiting(db, view, key)) !== null;
}

async function findWaiting(db: LazyReader, view: string, key: string): Promise<Turn | null> {
  const turns = await db
    .query("lazyTurns")
    .withIndex("by_key", (q) => q.eq("view", view).eq("key", key))
    .collect();
  return turns.find(({ running }) => running === undefined) ?? null;
}

/** Ends a turn: the keys that have waited longest are next. */
export async function endTurn(
  execution: MutationExecution,
  view: ViewDefinition | undefined,
  id: TurnId | undefined,
): Promise<void> {
  const { db } = execution.ledger;
  const turn = id === undefined ? null : await db.get("lazyTurns", id);
  if (turn === null) return;
  await db.delete("lazyTurns", turn._id);
  await startWaiting(execution, view ?? { name: turn.view });
}

/** Ends the run of a key that the app itself commits or deletes; and tells whether there was one. */
export async function endRunOf(execution: MutationExecution, view: ViewDefinition, key: string): Promise<boolean> {
  const run = await findRun(execution.db, view, key);
  if (run === null) return false;
  await removeRun(execution.ledger.db, run);
  await endTurn(execution, view, run.turn);
  return true;
}

/** Starts as many of the keys that wait as may run; of a view that has no limit any more, one for each that ends. */
async function startWaiting(
  execution: MutationExecution,
  view: Pick<ViewDefinition, "name" | "maxParallel"> & Partial<ViewDefinition>,
): Promise<void> {
  const { db } = execution.ledger;
  let running = await findRunning(db, view.name);
  // Should the sweep have died that was to look at them.
  const overdue = running.filter(({ expiresAt = 0 }) => expiresAt <= Date.now());
  for (const turn of overdue) await lookAtTurn(execution, view as ViewDefinition, turn);
  if (overdue.length > 0) running = await findRunning(db, view.name);
  const free = (view.maxParallel ?? running.length + 1) - running.length;
  for (let i = 0; i < free; i++) {
    const next = await db
      .query("lazyTurns")
      .withIndex("by_state", (q) => q.eq("view", view.name).eq("running", undefined))
      .first();
    if (next === null) return;
    await startTurn(execution, view, next);
  }
}

async function findRunning(db: LazyReader, view: string): Promise<Turn[]> {
  return await db
    .query("lazyTurns")
    .withIndex("by_state", (q) => q.eq("view", view).gt("running", "" as never))
    .collect();
}

async function startTurn(execution: MutationExecution, view: Partial<ViewDefinition>, turn: Turn): Promise<void> {
  const { ledger } = execution;
  const job = { ...(turn.job as object), turn: turn._id };
  const running = await scheduleAt(ledger, Date.now(), ledger.recompute, { job } as never);
  await keepTurn(execution, view, turn, { running });
}

/** A turn goes on; a sweep looks whether its job has died. */
async function keepTurn(
  { ledger }: MutationExecution,
  view: Partial<ViewDefinition>,
  turn: Turn,
  change: Pick<Turn, "running"> = {},
): Promise<void> {
  const now = Date.now();
  const expiresAt = now + lastsMs(view);
  await ledger.db.patch("lazyTurns", turn._id, { ...change, expiresAt });
  await sweepWhenDue(ledger, "lazyTurns", { expiresAt, now });
}

/** How long a turn lasts before it is looked at: that of a view which is gone, not long. */
function lastsMs({ mode = "transaction", windowMs = 0, timeoutMs = 0 }: Partial<ViewDefinition>) {
  return workMs({ mode, windowMs, timeoutMs });
}

/**
 * A sweep looks at a turn: one whose job lives, or whose run lasts, is kept; one of a job that has died is handed on.
 */
export async function lookAtTurn(
  execution: MutationExecution,
  view: ViewDefinition | undefined,
  turn: Turn,
): Promise<void> {
  const run = await findRun(execution.db, { name: turn.view }, turn.key);
  const isHeld = run?.turn === turn._id || (await isAlive(execution.ctx, turn.running));
  if (!isHeld) return await endTurn(execution, view, turn._id);
  await keepTurn(execution, view ?? {}, turn);
}
