import { makeFunctionReference } from "convex/server";
import { CHUNK, type Commit, dispatchInChunks, dispatchOne, NO_COUNTS, type Outcome } from "../effects/dispatch.js";
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
 * How effects leave a query. They are always sealed: only the deployment can read or make them.
 * - `logStream`: in lines of the log, which the deployment's log stream posts back to it.
 * - `logTail`: in lines of the log, which the action `tail` reads in the deployment's function log.
 * - `client`: in the answer to a client of this library, which forwards them.
 */
export type Transport = "logStream" | "logTail" | "client";

/** All transports, in the order in which `connect` prefers them. */
export const TRANSPORTS = ["logStream", "logTail", "client"] as const satisfies Transport[];

/** An app, as `new LazyViews()` has wired it. */
export interface LazyApp {
  /** Path of the module that exports the library's functions, such as `lazy`. */
  module: string;
  views: ReadonlyMap<string, ViewDefinition>;
  /** Source table → the views that declare it. */
  dependents: ReadonlyMap<string, readonly ViewDefinition[]>;
  /** Whether the dependencies of any view are recorded. */
  isTracking: boolean;
  refs: LazyReferences;
  transports: ReadonlySet<Transport>;
  /** How long a tail reads on after the last effect. */
  lingerMs: number;
  /** How many rows of each view one heartbeat audits. */
  auditRows: number;
  /** The exports that the app's module lacks; absent while that is not known. */
  forgotten?: ExportName[];
  /** Paths of functions that refused a marked call: queries that are not made with `lazy.query`. */
  plainQueries: Set<string>;
}

/** @throws Error, when the module is not a path in the functions folder, such as `lazy` or `lib/lazy`. */
export function references(module: string): LazyReferences {
  if (typeof module !== "string" || !/^(?!convex\/)[A-Za-z0-9_][A-Za-z0-9_/]*$/.test(module)) {
    throw new Error(`new LazyViews({ module }) is ${JSON.stringify(module)}; for convex/lazy.ts, give "lazy".`);
  }
  const names = ["recompute", "dispatch", "sweep", "inspect"];
  const named = names.map((name) => [name, makeFunctionReference(`${module}:${name}`)]);
  return Object.fromEntries(named) as LazyReferences;
}

export const pathOf = ({ module }: LazyApp, name: ExportName): string => `${module}:${name}`;

/** Waits for a call of one of the app's exports. An error also says what the app must export. */
export function called<Result>(app: LazyApp, name: ExportName, call: Promise<Result>) {
  return call.catch((cause): Result => {
    throw new Error(notCalled(app.module, name, cause), { cause });
  });
}

export function ledgerOf(app: LazyApp, { db, scheduler }: AnyMutationCtx): LedgerCtx {
  return { db: lazyDb(db), scheduler, recompute: pathOf(app, "recompute"), sweep: pathOf(app, "sweep") };
}

/** Asks `inspect` in a stale snapshot, so that its reads conflict with no writer. */
export function askSnapshot<Answer>(app: LazyApp, ctx: AnyMutationCtx, ask: Question, options?: object) {
  const call = ctx.runQuery(app.refs.inspect, { ask }, { useStaleSnapshot: true, ...options });
  return called(app, "inspect", call as Promise<Answer>);
}

/**
 * Dispatches at most 100 effects in a transaction that has room for them. When clients forward them, a recompute that
 * is put off, or that runs outside one transaction, is announced in its row, so that other clients forward nothing.
 */
export async function dispatchInMutation(app: LazyApp, ctx: AnyMutationCtx, effects: Effect[], areForwarded = false) {
  const commits = await currentCommits(app, ctx, effects);
  const counts = { ...NO_COUNTS };
  for (const [i, effect] of effects.entries()) {
    const outcome = await dispatchOne(ledgerOf(app, ctx), effect, commits[i]);
    counts[outcome]++;
    if (areForwarded) await silenceReaders(app, ctx, effect, outcome);
  }
  return counts;
}

/**
 * Dispatches the effects of a mutation of the app in its own transaction: the first 100, if there is room for so many.
 * Hands the others on to a job, which is rolled back with the mutation as well.
 *
 * @throws Error, when Convex refuses that job; not if all its effects are recomputes, which readers raise again.
 */
export async function dispatchOwn(app: LazyApp, ctx: AnyMutationCtx, effects: readonly Effect[]): Promise<void> {
  const own = (await isShortOfRoom(ctx, Math.min(effects.length, CHUNK))) ? [] : effects.slice(0, CHUNK);
  const others = effects.slice(own.length);
  try {
    if (others.length > 0) await handOn(app, ctx, others);
  } catch (error) {
    if (others.some(({ seen }) => seen === undefined)) throw error;
    complain(`${others.length} recompute(s) were not scheduled: ${reasonOf(error)}`);
  }
  await dispatchInMutation(app, ctx, own);
}

/**
 * In a mutation that does nothing else: dispatches 100 effects, and hands each further 100 on to a job of their own.
 */
export async function dispatchAll(app: LazyApp, ctx: AnyMutationCtx, effects: Effect[], areForwarded: boolean) {
  for (let start = CHUNK; start < effects.length; start += CHUNK) {
    await handOn(app, ctx, effects.slice(start, start + CHUNK), areForwarded);
  }
  const counts = await dispatchInChunks(effects.slice(0, CHUNK), (chunk) =>
    ctx.runMutation(app.refs.dispatch, { effects: chunk, areForwarded }),
  );
  counts.dispatched += Math.max(effects.length - CHUNK, 0);
  return counts;
}

function handOn(app: LazyApp, ctx: AnyMutationCtx, effects: Effect[], areForwarded = false) {
  return ctx.scheduler.runAfter(0, app.refs.dispatch, { effects, areForwarded, isJob: true });
}

async function silenceReaders(app: LazyApp, ctx: AnyMutationCtx, effect: Effect, outcome: Outcome): Promise<void> {
  const view = viewOf(app, effect);
  const isLater = outcome === "trailing" || (outcome === "dispatched" && view?.mode !== "transaction");
  if (!view || !isLater) return;
  const key = canonicalText(effect.args.args);
  const row = await findRow(ctx.db, view, key);
  if (!row || row.asOf !== effect.seen || (await findRun(ctx.db, view, key))) return;
  await announce(ledgerOf(app, ctx), view, row);
}

/** The view whose recompute an effect asks for. */
export function viewOf(app: LazyApp, { target, args }: Effect): ViewDefinition | undefined {
  return target === pathOf(app, "recompute") ? app.views.get(String(args.view)) : undefined;
}

/** What `dispatchOne` needs to know of each effect's row. */
async function currentCommits(app: LazyApp, ctx: AnyMutationCtx, effects: Effect[]): Promise<(Commit | undefined)[]> {
  const asked = effects.filter((effect) => viewOf(app, effect));
  if (asked.length === 0) return [];
  const commits = await askSnapshot<Commit[]>(app, ctx, { kind: "commits", effects: asked });
  for (const [i, effect] of asked.entries()) {
    // A row that the reader did not see may be one that was deleted before, which a stale snapshot still shows.
    if (commits[i] && effect.seen === 0n) commits[i] = (await commitsOf(app, ctx, [effect]))[0] ?? null;
  }
  return effects.map((effect) => commits[asked.indexOf(effect)]);
}

/** The commits of the rows of effects; null where there is no row, or the query has no room left to read it. */
export async function commitsOf(app: LazyApp, ctx: AnyQueryCtx, effects: readonly Effect[]): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (const effect of effects) {
    const view = viewOf(app, effect);
    try {
      const isRead = view && !(await isNearlyOut(ctx));
      const row = isRead ? await findRow(ctx.db, view, canonicalText(effect.args.args)) : null;
      commits.push(row?.asOf ?? null);
    } catch (error) {
      if (!(error instanceof MissingTableError)) throw error;
      commits.push(error.message);
    }
  }
  return commits;
}
