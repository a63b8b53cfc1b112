import { makeFunctionReference } from "convex/server";
import { backoffMs, MAX_ATTEMPTS } from "../effects/ledger.js";
import { LOG_SIZE } from "../effects/transports/functionLog.js";
import { askSnapshot, type LazyApp, pathOf } from "../model/app.js";
import { isTailing } from "../model/exports.js";
import type { StartTail, Tailed } from "../model/jobs.js";
import { isShortOf } from "../model/limits.js";
import { isAlive } from "../model/run.js";
import { type AnyMutationCtx, type AnyQueryCtx, type LazyReader, lazyDb } from "../schema.js";
import {
  FIRST_LOOK_BACK_MS,
  MAX_BACKOFF_MS,
  MAX_FORWARD_AGE_MS,
  UNURGENT_TAIL_MS,
  WRAP_RETENTION_MS,
} from "../times.js";
import { complain } from "../values/describe.js";

/*
 * The transport `logTail`: the action `tail` reads the deployment's own function log, and dispatches the effects that
 * it finds there. It runs only while effects come, and some seconds more. Its life:
 *
 *   start → reads, reads … → closes → ends     no effect has come for `linger`; the last seconds of that are `closes`
 *                          → hands over        to the next tail, before the time limit of an action
 *                          → ends              with a problem; if it may pass, another tail starts after a backoff
 *
 * A mutation that makes readers run checks, through a stale snapshot, whether a tail reads. Unless it finds one that
 * reads and does not close, it starts one. The snapshot may be too old to show that the tail closes, so a closing tail
 * reads on for some seconds, in which the readers run. When a tail has died, the state of its job shows it, and another
 * one starts. Two tails at a time dispatch the same effects; the ledger drops the duplicates.
 */

/**
 * What `inspect` reports of the transport `logTail`. Points in time are in ms since 1970; null means that there is
 * none.
 */
export interface TailHealth {
  /** Since when a tail has been reading the log. */
  runningSince: number | null;
  /** Up to which time the log has been read. */
  readUntil: number | null;
  /** The most executions that came between two polls of the last tail. The log keeps 1,000. */
  mostEntries: number;
  /** When more executions came than the log keeps, so that effects may have been lost. */
  wrappedAt: number | null;
  /** Why the log could not be read, with the remedy. */
  problem: string | null;
  /** When it is read again at the earliest, after a problem. */
  retryAt: number | null;
}

/** What a mutation must have left to check whether a tail reads. With less, it schedules a job that checks. */
const ROOM_TO_ASK = { databaseQueries: 10, documentsRead: 10, bytesRead: 1 << 16 };

const findTail = (db: LazyReader) => db.query("lazyTail").first();

/**
 * Makes sure that a tail reads what subscribers raise after this mutation. Never throws.
 *
 * @param isUrgent - Rows have become stale, so that subscribers raise effects for certain.
 */
export async function ensureTail(app: LazyApp, ctx: AnyMutationCtx, isUrgent: boolean): Promise<void> {
  if (!isTailing(app)) return;
  try {
    const isNeeded = (await isShortOf(ctx, ROOM_TO_ASK)) || (await askSnapshot(app, ctx, { kind: "tail", isUrgent }));
    if (isNeeded) await ctx.scheduler.runAfter(0, app.refs.sweep, { job: { kind: "tail" } });
  } catch (error) {
    complain(error);
  }
}

/**
 * Whether a tail must be started: none reads, or the one that reads is closing; and neither the backoff of a problem
 * nor, where it is not urgent, the pause after the last start is pending.
 */
export async function isTailNeeded(ctx: Pick<AnyQueryCtx, "db">, isUrgent: boolean): Promise<boolean> {
  const found = await findTail(lazyDb(ctx.db));
  if (found === null) return true;
  const waitsUntil = Math.max(found.problem?.retryAt ?? 0, isUrgent ? 0 : found.startedAt + UNURGENT_TAIL_MS);
  if (waitsUntil > Date.now()) return false;
  return found.isClosing === true || !(await isAlive(ctx, found.job));
}

/** In the mutation `sweep`: starts a tail, if one is needed. Returns how many it has started. */
export async function startTail(app: LazyApp, raw: AnyMutationCtx, job: StartTail): Promise<number> {
  if (!isTailing(app)) return 0;
  const db = lazyDb(raw.db);
  const found = await findTail(db);
  if (job.isForced && found?.problem) await db.patch("lazyTail", found._id, { problem: undefined });
  if (!(await isTailNeeded(raw, true))) return 0;
  const now = Date.now();
  const number = (found?.number ?? 0) + 1;
  // Older effects are refused, like those of clients. A cursor ahead of `now` is from before the clock was put back.
  const from = found ? Math.max(found.cursor, now - MAX_FORWARD_AGE_MS) : now - FIRST_LOOK_BACK_MS;
  const cursor = Math.min(from, now);
  const reference = makeFunctionReference<"action">(pathOf(app, "tail"));
  const running = await raw.scheduler.runAfter(0, reference, { job: { kind: "read", number, cursor } });
  const started = { number, job: running, startedAt: now, cursor, mostEntries: 0 };
  if (found) await db.patch("lazyTail", found._id, { ...started, isClosing: undefined });
  else await db.insert("lazyTail", started);
  return 1;
}

/** In the mutation `dispatch` or `sweep`: stores how far a tail has read, and what it does next. */
export async function noteTail(app: LazyApp, raw: AnyMutationCtx, tailed: Tailed): Promise<number> {
  const { number, entries, becomes, problem: message, isLasting } = tailed;
  const db = lazyDb(raw.db);
  const found = await findTail(db);
  if (found === null) return 0;
  const now = Date.now();
  const cursor = Math.max(found.cursor, tailed.cursor);
  const wrapped = entries >= LOG_SIZE ? { wrappedAt: now } : {};
  // Another tail has started since, and `job` and `problem` are that one's.
  if (found.number !== number) {
    await db.patch("lazyTail", found._id, { cursor, ...wrapped });
    return 1;
  }
  const attempts = (found.problem?.attempts ?? 0) + 1;
  const retryAt = now + (isLasting ? MAX_BACKOFF_MS : backoffMs(attempts));
  await db.patch("lazyTail", found._id, {
    cursor,
    ...wrapped,
    mostEntries: Math.max(found.mostEntries, entries),
    problem: message === undefined ? undefined : { message, attempts, retryAt },
    ...(becomes === "closes" && { isClosing: true }),
    ...((becomes === "ends" || becomes === "handsOver") && { job: undefined, isClosing: undefined }),
  });
  const next = { job: { kind: "tail" } } as const;
  if (becomes === "handsOver") await startTail(app, raw, next.job);
  if (message !== undefined && !isLasting && attempts < MAX_ATTEMPTS) {
    await raw.scheduler.runAt(retryAt, app.refs.sweep, next);
  }
  return 1;
}

/** Reports the tail, and adds what is wrong to `problems`. Null when the deployment has no tail. */
export async function tailHealth(app: LazyApp, ctx: AnyQueryCtx, problems: string[]): Promise<TailHealth | null> {
  if (!isTailing(app)) return null;
  const found = await findTail(lazyDb(ctx.db));
  const { problem, wrappedAt = null, cursor = null, mostEntries = 0 } = found ?? {};
  if (problem) problems.push(problem.message);
  if (wrappedAt !== null && wrappedAt + WRAP_RETENTION_MS > Date.now()) {
    problems.push(
      `The function log forgot entries: ${mostEntries} executions came between two polls, and it keeps ${LOG_SIZE}. ` +
        "Later reads raise the lost effects again. Use a log stream: " +
        "npx convex-lazy-views connect --transport logStream",
    );
  }
  return {
    runningSince: found && (await isAlive(ctx, found.job)) ? found.startedAt : null,
    readUntil: cursor,
    mostEntries,
    wrappedAt,
    problem: problem?.message ?? null,
    retryAt: problem?.retryAt ?? null,
  };
}
