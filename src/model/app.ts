import { makeFunctionReference } from "convex/server";
import { type DispatchCounts, dispatchEffects } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import type { LedgerCtx } from "../effects/ledger.js";
import { type AnyMutationCtx, type AnyQueryCtx, lazyDb } from "../schema.js";
import { canonicalText } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";
import type { ViewDefinition } from "./definition.js";
import type { LazyReferences, Question } from "./jobs.js";
import { isNearlyOut } from "./limits.js";
import { announce, findRow } from "./row.js";
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
  /** Functions that refused a marked call: queries that were not made with `lazy.query`. */
  plainQueries: Set<string>;
}

/** The functions that every app exports for the library, by the names it must export them under. */
const FUNCTION_NAMES = ["recompute", "dispatch", "sweep", "inspect"] as const;

/** @throws Error when the module is not a path below the functions folder, such as `lazy` or `lib/lazy`. */
export function references(module: string): LazyReferences {
  if (typeof module !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9_/]*$/.test(module)) {
    throw new Error(`new LazyViews({ module }) is ${JSON.stringify(module)}; for convex/lazy.ts, give "lazy".`);
  }
  const named = FUNCTION_NAMES.map((name) => [name, makeFunctionReference(`${module}:${name}`)]);
  return Object.fromEntries(named) as LazyReferences;
}

/** Function path of one of the app's exports. */
export function pathOf({ module }: LazyApp, name: keyof LazyReferences | "act" | "forward"): string {
  return `${module}:${name}`;
}

/** Waits for a call of one of the app's exports. An error also says how the app must export them. */
export function called<Result>({ module }: LazyApp, name: keyof LazyReferences, call: Promise<Result>) {
  return call.catch((cause): Result => {
    throw new Error(
      `convex-lazy-views could not call ${module}:${name}. ${reasonOf(cause)} (If it was not found: ` +
        `convex/${module}.ts must have export const { ${FUNCTION_NAMES.join(", ")} } = lazy.functions().)`,
      { cause },
    );
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
 * Dispatches effects in a mutation's own transaction.
 *
 * @param areForwarded - Whether clients forward them. When a recompute is put off, readers of the same row that have
 * not forwarded theirs yet are silenced. That costs one write to the row, and a conflict with its writers at most.
 */
export async function dispatchInMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
  { areForwarded = false } = {},
): Promise<DispatchCounts> {
  return await dispatchEffects(ledgerOf(app, ctx), effects, {
    asOf: await currentCommits(app, ctx, effects),
    ...(areForwarded && { onTrailing: (effect) => silenceReaders(app, ctx, effect) }),
  });
}

async function silenceReaders(app: LazyApp, ctx: AnyMutationCtx, effect: Effect): Promise<void> {
  const view = viewOf(app, effect);
  if (view === undefined) return;
  const key = canonicalText(effect.args.args);
  const row = await findRow(ctx.db, view, key);
  if (row === null || row.asOf !== effect.seen || (await findRun(ctx.db, view, key)) !== null) return;
  await announce(ledgerOf(app, ctx), ctx.db, view, row);
}

/** The view whose recompute an effect asks for. */
export function viewOf(app: LazyApp, { target, args }: Effect): ViewDefinition | undefined {
  return target === pathOf(app, "recompute") ? app.views.get(String(args.view)) : undefined;
}

type Commit = bigint | null;

/** The `asOf` that the rows of effects have now; null where it is not known, or the effect saw no row. */
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
    const found = canRead ? await findRow(ctx.db, view, row.key) : null;
    commits.push(found?.asOf ?? null);
  }
  return commits;
}
