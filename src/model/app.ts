import { type FunctionReference, makeFunctionReference } from "convex/server";
import { type DispatchCounts, dispatchEffects } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import type { LedgerCtx } from "../effects/ledger.js";
import type { AnyMutationCtx, AnyQueryCtx } from "../schema.js";
import { lazyDb } from "../schema.js";
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

/** The functions that every app exports for the library, by the names it must export them under. */
export const FUNCTION_NAMES = ["recompute", "dispatch", "sweep", "inspect"] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

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

/**
 * References to the app's exports.
 *
 * @param module - The path of the module below the functions folder, such as `lazy` or `lib/lazy`.
 * @throws Error when it is not such a path.
 */
export function references(module: string): LazyReferences {
  if (typeof module !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9_/]*$/.test(module)) {
    throw new Error(
      `new LazyViews({ module }) is ${JSON.stringify(module)}; give the path of the file that exports ` +
        'lazy.functions(), below convex/ and without its ending: "lazy" for convex/lazy.ts.',
    );
  }
  const reference = (name: string) => makeFunctionReference(`${module}:${name}`) as never;
  return {
    recompute: reference("recompute"),
    dispatch: reference("dispatch"),
    sweep: reference("sweep"),
    inspect: reference("inspect"),
    act: reference("act"),
  };
}

/** Function path of one of the app's exports. */
export function pathOf({ module }: LazyApp, name: keyof LazyReferences | "forward"): string {
  return `${module}:${name}`;
}

/** An error that says how the app must export the library's functions, beside what went wrong. */
export function missingFunctionError(module: string, name: FunctionName, cause: unknown): Error {
  return new Error(
    `convex-lazy-views could not call ${module}:${name}. ${reasonOf(cause)} ` +
      `(If the function was not found: convex/${module}.ts must have ` +
      `export const { ${FUNCTION_NAMES.join(", ")} } = lazy.functions(); and module must be its path.)`,
    { cause },
  );
}

/** What it takes to write to the ledger, in a mutation. */
export function ledgerOf(app: LazyApp, { db, scheduler }: AnyMutationCtx): LedgerCtx {
  return {
    db: lazyDb(db),
    scheduler,
    recompute: pathOf(app, "recompute"),
    sweep: pathOf(app, "sweep"),
  };
}

/** Asks `inspect` through a stale snapshot: what it reads conflicts with no writer. */
export async function askSnapshot<Answer>(
  app: LazyApp,
  ctx: AnyMutationCtx,
  ask: Question,
  options: object = {},
): Promise<Answer> {
  const inspect = app.refs.inspect as FunctionReference<"query">;
  try {
    return await ctx.runQuery(inspect, { ask }, { useStaleSnapshot: true, ...options });
  } catch (error) {
    throw missingFunctionError(app.module, "inspect", error);
  }
}

/**
 * Dispatches effects in a mutation's own transaction.
 *
 * @param areForwarded - Whether clients forward them. Those that watch the same row and have not forwarded yet are
 * silenced when its recompute is put off, which costs one write to the row, and a conflict with its writers at most.
 */
export async function dispatchInMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
  { areForwarded = false } = {},
): Promise<DispatchCounts> {
  return await dispatchEffects(ledgerOf(app, ctx), effects, {
    asOf: await currentCommits(app, ctx, effects),
    ...(areForwarded ? { onTrailing: (effect) => silenceReaders(app, ctx, effect) } : {}),
  });
}

async function silenceReaders(app: LazyApp, ctx: AnyMutationCtx, effect: Effect): Promise<void> {
  const view = viewOf(app, effect);
  if (view === undefined) return;
  const key = canonicalText(effect.args.args);
  const row = await findRow(ctx.db, view, key);
  if (row === null || row.asOf !== effect.seen) return;
  if ((await findRun(ctx.db, view, key)) !== null) return;
  await announce(ledgerOf(app, ctx), ctx.db, view, row);
}

/** The view whose recompute an effect asks for. */
function viewOf(app: LazyApp, { target, args }: Effect): ViewDefinition | undefined {
  return target === pathOf(app, "recompute") ? app.views.get(String(args.view)) : undefined;
}

async function currentCommits(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
): Promise<(bigint | null)[]> {
  const rows = effects.map((effect) =>
    effect.seen !== undefined && viewOf(app, effect) !== undefined
      ? { view: String(effect.args.view), key: canonicalText(effect.args.args) }
      : null,
  );
  const wanted = rows.filter((row) => row !== null);
  if (wanted.length === 0) return rows.map(() => null);
  const question: Question = { kind: "commits", rows: wanted };
  const commits = await askSnapshot<(bigint | null)[]>(app, ctx, question);
  const current: (bigint | null)[] = [];
  for (const [i, row] of rows.entries()) {
    const shown = row === null ? null : (commits.shift() ?? null);
    // A row that its reader did not see may be one that was deleted before, and that a stale snapshot still shows.
    const isSure = shown === null || effects[i]?.seen !== 0n;
    if (row === null || isSure) current.push(shown);
    else current.push((await commitsOf(ctx, app, [row]))[0] ?? null);
  }
  return current;
}

/**
 * The `asOf` of rows: what `dispatch` compares effects with. Null for a row that does not exist, and for one that is
 * more than a query may read: its effect is then not known to be superseded, and costs a job that stops.
 */
export async function commitsOf(
  ctx: AnyQueryCtx,
  { views }: LazyApp,
  rows: readonly { view: string; key: string }[],
): Promise<(bigint | null)[]> {
  const commits: (bigint | null)[] = [];
  for (const { view, key } of rows) {
    const definition = views.get(view);
    const canRead = definition !== undefined && !(await isNearlyOut(ctx));
    const row = canRead ? await findRow(ctx.db, definition, key) : null;
    commits.push(row?.asOf ?? null);
  }
  return commits;
}
