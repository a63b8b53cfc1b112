import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { Triggers } from "convex-helpers/server/triggers";
import { canonicalText } from "./effects/canonical.js";
import { type DispatchCounts, dispatchEffects } from "./effects/dispatch.js";
import type { Effect } from "./effects/effect.js";
import type { LedgerCtx, LedgerWriter } from "./effects/ledger.js";
import { type LazyReferences, missingFunctionError } from "./functions.js";
import { registerSources } from "./staleness/triggers.js";
import type { ViewDefinition } from "./views/definition.js";

/** The app, as `new LazyViews()` wired it. */
export interface LazyApp {
  module: string;
  views: ReadonlyMap<string, ViewDefinition>;
  refs: LazyReferences;
  triggers: Triggers<GenericDataModel>;
}

export type AnyMutationCtx = GenericMutationCtx<GenericDataModel>;

/**
 * The views by their names, with their sources registered as triggers.
 *
 * @throws Error when two views have one name.
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
    registerSources(triggers, definition);
  }
  return byName;
}

export function ledgerOf(app: LazyApp, ctx: AnyMutationCtx): LedgerCtx {
  return {
    db: ctx.db as unknown as LedgerWriter,
    scheduler: ctx.scheduler,
    sweep: app.refs.sweep,
  };
}

/** Dispatches effects in a mutation's own transaction. */
export async function dispatchInMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
): Promise<DispatchCounts> {
  return await dispatchEffects(ledgerOf(app, ctx), effects, (all) => currentSeqs(app, ctx, all));
}

async function currentSeqs(
  app: LazyApp,
  ctx: AnyMutationCtx,
  effects: readonly Effect[],
): Promise<(number | null)[]> {
  const recompute = app.refs.path("recompute");
  const rows = effects.map(({ target, args, seq }) =>
    target === recompute && seq !== undefined
      ? { view: String(args.view), key: canonicalText(args.args) }
      : null,
  );
  const wanted = rows.filter((row) => row !== null);
  if (wanted.length === 0) return rows.map(() => null);
  const seqs = await snapshot(app, ctx, { seqs: wanted });
  return rows.map((row) => (row === null ? null : (seqs.shift() as number | null)));
}

/** Asks `inspect` through a stale snapshot: what it reads conflicts with no writer. */
export async function snapshot(
  app: LazyApp,
  ctx: AnyMutationCtx,
  question: { seqs: { view: string; key: string }[] } | { expiredBy: number },
): Promise<unknown[]> {
  try {
    const answer = await ctx.runQuery(app.refs.inspect, question, { useStaleSnapshot: true });
    return answer as unknown[];
  } catch (error) {
    throw missingFunctionError(app.module, "inspect", error);
  }
}
