import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { Triggers } from "convex-helpers/server/triggers";
import { canonicalText } from "./effects/canonical.js";
import { type DispatchCounts, dispatchEffects } from "./effects/dispatch.js";
import type { Effect, RowCommit } from "./effects/effect.js";
import type { LedgerCtx, LedgerWriter } from "./effects/ledger.js";
import { type LazyReferences, missingFunctionError } from "./functions.js";
import { commitsOf, type InspectArgs, type RowName } from "./inspect.js";
import { announceRecompute } from "./staleness/pending.js";
import { registerSources } from "./staleness/sources.js";
import type { ViewDefinition } from "./views/definition.js";
import { findRow } from "./views/rows.js";

/** The app, as `new LazyViews()` wired it. */
export interface LazyApp {
  module: string;
  views: ReadonlyMap<string, ViewDefinition>;
  refs: LazyReferences;
  triggers: Triggers<GenericDataModel>;
  transports: ReadonlySet<Transport>;
  /** Functions that refused a marked call: queries that were not made with `lazy.query`. */
  plainQueries: Set<string>;
  /** When the route last noted a finding, by the finding, in ms since 1970. */
  notedAt: Map<string, number>;
}

/**
 * How effects leave a query.
 * - `logStream`: as sealed console lines, which the deployment's log stream posts back.
 * - `client`: together with the query's value, for a client that forwards them.
 */
export type Transport = "logStream" | "client";

export type AnyMutationCtx = GenericMutationCtx<GenericDataModel>;

const TRANSPORTS: readonly Transport[] = ["logStream", "client"];

/** @throws Error naming the value, when it is not a list of transports. */
export function toTransports(transports: unknown = ["logStream"]): Set<Transport> {
  const list: unknown[] = Array.isArray(transports) ? transports : [transports];
  const wrong = list.find((each) => !TRANSPORTS.includes(each as Transport));
  if (list.length === 0 || wrong !== undefined) {
    throw new Error(
      `new LazyViews({ transports }) is ${JSON.stringify(transports)}; ` +
        'give ["logStream"], ["client"], or both.',
    );
  }
  return new Set(list as Transport[]);
}

/**
 * The views by their names, with their sources registered as triggers.
 *
 * @throws Error when two views have one name, or views are each other's sources.
 */
export function collectViews(
  views: Readonly<Record<string, { readonly definition: ViewDefinition }>>,
  triggers: Triggers<GenericDataModel>,
): Map<string, ViewDefinition> {
  const byName = new Map<string, ViewDefinition>();
  for (const [property, view] of Object.entries(views)) {
    const definition = view?.definition;
    if (definition === undefined) {
      throw new Error(
        `new LazyViews({ views }): "${property}" is not a view; make it with defineView().`,
      );
    }
    if (byName.has(definition.name)) {
      throw new Error(
        `new LazyViews({ views }): two views have the name "${definition.name}"; ` +
          "a view's name is its table's, so give each its own.",
      );
    }
    byName.set(definition.name, definition);
  }
  for (const definition of byName.values()) {
    refuseCycle(byName, definition, [definition.name]);
    registerSources(triggers, definition);
  }
  return byName;
}

/** Views over views are fine; a view that depends on itself through others would be stale for ever. */
function refuseCycle(
  views: ReadonlyMap<string, ViewDefinition>,
  view: ViewDefinition,
  path: readonly string[],
): void {
  for (const source of Object.keys(view.sources)) {
    const next = views.get(source);
    if (next === undefined) continue;
    if (source === path[0]) {
      throw new Error(
        `new LazyViews({ views }): ${[...path, source].map((name) => `"${name}"`).join(" ← ")}: ` +
          "these views are each other's sources, so each recompute would make the others stale again.",
      );
    }
    if (!path.includes(source)) refuseCycle(views, next, [...path, source]);
  }
}

export function ledgerOf(app: LazyApp, ctx: AnyMutationCtx): LedgerCtx {
  return {
    db: ctx.db as unknown as LedgerWriter,
    scheduler: ctx.scheduler,
    sweep: app.refs.sweep,
  };
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
    commits: await currentCommits(app, ctx, effects),
    ...(areForwarded ? { onTrailing: (effect) => silenceReaders(app, ctx, effect) } : {}),
  });
}

async function silenceReaders(app: LazyApp, ctx: AnyMutationCtx, effect: Effect): Promise<void> {
  const { target, args, seq, born } = effect;
  const view = app.views.get(String(args.view));
  if (view === undefined || target !== app.refs.path("recompute")) return;
  const row = await findRow(ctx.db, view, canonicalText(args.args));
  if (row !== null && row.seq === seq && row._creationTime === born)
    await announceRecompute(ctx.db, view, row);
}

async function currentCommits(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
): Promise<(RowCommit | null)[]> {
  const recompute = app.refs.path("recompute");
  const rows = effects.map(({ target, args, seq }) =>
    target === recompute && seq !== undefined
      ? { view: String(args.view), key: canonicalText(args.args) }
      : null,
  );
  const wanted = rows.filter((row) => row !== null);
  if (wanted.length === 0) return rows.map(() => null);
  const commits = await snapshot<(RowCommit | null)[]>(app, ctx, { commits: wanted });
  const current: (RowCommit | null)[] = [];
  for (const [i, row] of rows.entries()) {
    const shown = row && (commits.shift() as RowCommit | null);
    // A row that its reader did not see may be one that was deleted before, and that a stale snapshot still shows.
    const isSure = shown === null || shown.seq === 0 || effects[i]?.born !== undefined;
    if (isSure) current.push(shown);
    else current.push((await commitsOf(ctx, app.views, [row as RowName]))[0] ?? null);
  }
  return current;
}

/** Asks `inspect` through a stale snapshot: what it reads conflicts with no writer. */
export async function snapshot<Answer>(
  app: LazyApp,
  ctx: AnyMutationCtx,
  question: InspectArgs,
): Promise<Answer> {
  try {
    const answer = await ctx.runQuery(app.refs.inspect, question, { useStaleSnapshot: true });
    return answer as Answer;
  } catch (error) {
    throw missingFunctionError(app.module, "inspect", error);
  }
}
