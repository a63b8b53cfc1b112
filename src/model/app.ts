import { makeFunctionReference } from "convex/server";
import { CHUNK, type DispatchCounts, dispatchEffects, dispatchInChunks, type Outcome } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import type { LedgerCtx } from "../effects/ledger.js";
import { type AnyMutationCtx, type AnyQueryCtx, lazyDb } from "../schema.js";
import { canonicalText } from "../values/canonical.js";
import { complain, reasonOf } from "../values/describe.js";
import type { ViewDefinition } from "./definition.js";
import { type ExportName, notCalled } from "./exports.js";
import type { LazyReferences, Question } from "./jobs.js";
import { isNearlyOut, isShortOfRoom } from "./limits.js";
import { announce, findRow, MissingTableError } from "./row.js";
import { findRun } from "./run.js";

/**
 * How effects leave a query.
 * - `logStream`: as sealed console lines, which the deployment's log stream posts back.
 * - `client`: together with the query's value, for a client that forwards them.
 */
export type Transport = "logStream" | "client";

/** The app, as `new LazyViews()` wired it. */
export interface LazyApp {
  module: string;
  views: ReadonlyMap<string, ViewDefinition>;
  /** Source table → the views whose rows its changes concern. */
  dependents: ReadonlyMap<string, readonly ViewDefinition[]>;
  refs: LazyReferences;
  transports: ReadonlySet<Transport>;
  /** The exports that the app's module has forgotten; absent while that is not known. */
  forgotten?: ExportName[];
  /** Functions that refused a marked call: queries that were not made with `lazy.query`. */
  plainQueries: Set<string>;
}

/** The functions that the library calls from everywhere. */
const FUNCTION_NAMES = ["recompute", "dispatch", "sweep", "inspect"] as const;

/** @throws Error when the module is not a path below the functions folder, such as `lazy` or `lib/lazy`. */
export function references(module: string): LazyReferences {
  if (typeof module !== "string" || !/^(?!convex\/)[A-Za-z0-9_][A-Za-z0-9_/]*$/.test(module)) {
    throw new Error(`new LazyViews({ module }) is ${JSON.stringify(module)}; for convex/lazy.ts, give "lazy".`);
  }
  const named = FUNCTION_NAMES.map((name) => [name, makeFunctionReference(`${module}:${name}`)]);
  return Object.fromEntries(named) as LazyReferences;
}

/** Function path of one of the app's exports. */
export function pathOf({ module }: LazyApp, name: ExportName): string {
  return `${module}:${name}`;
}

/** Waits for a call of one of the app's exports. An error also says how the app must export them. */
export function called<Result>(app: LazyApp, name: ExportName, call: Promise<Result>) {
  return call.catch((cause): Result => {
    throw new Error(notCalled(app.module, name, cause), { cause });
  });
}

/** What it takes to write to the ledger, in a mutation. */
export function ledgerOf(app: LazyApp, { db, scheduler }: AnyMutationCtx): LedgerCtx {
  return { db: lazyDb(db), scheduler, recompute: pathOf(app, "recompute"), sweep: pathOf(app, "sweep") };
}

/** Asks `inspect` through a stale snapshot: what it reads conflicts with no writer. */
export async function askSnapshot<Answer>(
  app: LazyApp,
  ctx: AnyMutationCtx,
  ask: Question,
  options: object = {},
): Promise<Answer> {
  const call = ctx.runQuery(app.refs.inspect, { ask }, { useStaleSnapshot: true, ...options });
  return (await called(app, "inspect", call)) as Answer;
}

/**
 * Dispatches at most 100 effects in a transaction that has room for them.
 *
 * @param areForwarded - Whether clients forward them. When a recompute is put off, or computes outside one transaction,
 * readers of the same row that have not forwarded theirs yet are silenced. That costs one write to the row, and a
 * conflict with its writers at most.
 */
export async function dispatchInMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
  { areForwarded = false } = {},
): Promise<DispatchCounts> {
  return await dispatchEffects(ledgerOf(app, ctx), effects, {
    asOf: await currentCommits(app, ctx, effects),
    ...(areForwarded && { onScheduled: (effect, outcome) => silenceReaders(app, ctx, effect, outcome) }),
  });
}

/**
 * Dispatches the effects of a mutation of the app in its transaction: 100 of them, if that has room for so many. The
 * others are handed on to a job, which is rolled back with the mutation too.
 *
 * @throws What Convex throws that does not take the job, when the app itself has raised one of them. Recomputes, which
 * readers raise again, are lost then: a read does not fail.
 */
export async function dispatchOwn(app: LazyApp, ctx: AnyMutationCtx, effects: readonly Effect[]): Promise<void> {
  if (effects.length === 0) return;
  const own = (await isShortOfRoom(ctx, Math.min(effects.length, CHUNK))) ? [] : effects.slice(0, CHUNK);
  const others = effects.slice(own.length);
  try {
    if (others.length > 0) await ctx.scheduler.runAfter(0, app.refs.dispatch, { effects: others, isJob: true });
  } catch (error) {
    if (others.some(({ seen }) => seen === undefined)) throw error;
    complain(`${others.length} recompute(s) that a mutation's reads asked for were not scheduled: ${reasonOf(error)}`);
  }
  await dispatchInMutation(app, ctx, own);
}

/**
 * Dispatches any number of effects in a mutation that does nothing else: 100 of them, and each further 100 in a job of
 * their own. One that cannot be dispatched holds up no other.
 */
export async function dispatchAll(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
  areForwarded: boolean,
): Promise<DispatchCounts> {
  for (let start = CHUNK; start < effects.length; start += CHUNK) {
    const chunk = effects.slice(start, start + CHUNK);
    await ctx.scheduler.runAfter(0, app.refs.dispatch, { effects: chunk, areForwarded, isJob: true });
  }
  const counts = await dispatchInChunks(effects.slice(0, CHUNK), (chunk) =>
    ctx.runMutation(app.refs.dispatch, { effects: chunk, areForwarded }),
  );
  counts.dispatched += Math.max(effects.length - CHUNK, 0);
  return counts;
}

async function silenceReaders(app: LazyApp, ctx: AnyMutationCtx, effect: Effect, outcome: Outcome): Promise<void> {
  const view = viewOf(app, effect);
  if (view === undefined || (outcome === "dispatched" && view.mode === "transaction")) return;
  const key = canonicalText(effect.args.args);
  const row = await findRow(ctx.db, view, key);
  if (row === null || row.asOf !== effect.seen || (await findRun(ctx.db, view, key)) !== null) return;
  await announce(ledgerOf(app, ctx), ctx.db, view, row);
}

/** The view whose recompute an effect asks for. */
export function viewOf(app: LazyApp, { target, args }: Effect): ViewDefinition | undefined {
  return target === pathOf(app, "recompute") ? app.views.get(String(args.view)) : undefined;
}

/** The `asOf` that a row has now; null where it is not known. A text says why its view can have no rows. */
type Commit = bigint | null | string;

/** What is known of the rows of effects; null for an effect that saw none. */
async function currentCommits(app: LazyApp, ctx: AnyMutationCtx, effects: readonly Effect[]): Promise<Commit[]> {
  const rows = effects.map((effect) => {
    const view = effect.seen === undefined ? undefined : viewOf(app, effect);
    return view ? { view: view.name, key: canonicalText(effect.args.args) } : null;
  });
  if (rows.every((row) => row === null)) return [];
  const commits = await askSnapshot<Commit[]>(app, ctx, { kind: "commits", rows });
  for (const [i, row] of rows.entries()) {
    // A row that its reader did not see may be one that was deleted before, and that a stale snapshot still shows.
    if (commits[i] !== null && effects[i]?.seen === 0n) {
      commits[i] = (await commitsOf(ctx, app, [row]))[0] ?? null;
    }
  }
  return commits;
}

/**
 * What `dispatch` compares effects with. Null for a row that does not exist, and for one that is more than a query may
 * read: its effect is then not known to be superseded, and costs a job that stops.
 */
export async function commitsOf(
  ctx: AnyQueryCtx,
  { views }: LazyApp,
  rows: Extract<Question, { kind: "commits" }>["rows"],
): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (const row of rows) {
    const view = row && views.get(row.view);
    const canRead = row && view && !(await isNearlyOut(ctx));
    commits.push(canRead ? await commitOf(ctx, view, row.key) : null);
  }
  return commits;
}

async function commitOf({ db }: AnyQueryCtx, view: ViewDefinition, key: string): Promise<Commit> {
  try {
    return (await findRow(db, view, key))?.asOf ?? null;
  } catch (error) {
    if (error instanceof MissingTableError) return error.message;
    throw error;
  }
}
