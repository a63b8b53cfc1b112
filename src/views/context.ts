import type { GenericDatabaseWriter, GenericDataModel, GenericMutationCtx } from "convex/server";
import type { EffectCtx } from "../effects/context.js";
import type { Effect } from "../effects/effect.js";
import type { Sweep } from "../effects/sweep.js";
import type { Invalidation } from "../staleness/invalidate.js";
import type { AnyQueryCtx } from "../staleness/predicate.js";
import type { Writes } from "../staleness/writes.js";
import type { ViewDefinition } from "./definition.js";

/** Where the context hides in `ctx`: a property, so that `{...ctx, user}` of a custom function keeps it. */
const LAZY = Symbol.for("convex-lazy-views");

/** What `lazy.query` and `lazy.mutation` know, for the views' methods that are called inside. */
export interface LazyContext extends Invalidation {
  /** The ctx of this execution before the app customized it: views do not depend on who reads them. */
  ctx: AnyQueryCtx & EffectCtx;
  /** The same for what only reads: `compute`, predicates and probes. */
  reader: AnyQueryCtx;
  views: ReadonlyMap<string, ViewDefinition>;
  /** Function path of the mutation that recomputes. */
  recompute: string;
  raise(effect: Effect): void;
  /** In a mutation: its writes. */
  writes?: Writes;
  /**
   * In a mutation: why a change could not be turned into marks. The mutation must not commit, even if the app
   * catches the error, or the invalidation would be lost.
   */
  lostInvalidation?: unknown;
  /** In a mutation: the database without triggers, for marks. */
  db?: GenericDatabaseWriter<GenericDataModel>;
  /** In a mutation: makes sure that a sweep is scheduled. */
  sweepAt?(sweep: Sweep): Promise<void>;
  /** In a mutation: tells the ledger that the app itself refreshed or evicted a row. */
  release?(effect: Effect, cause: "refreshed" | "evicted"): Promise<void>;
}

export type LazyMutationContext = LazyContext & {
  ctx: GenericMutationCtx<GenericDataModel> & EffectCtx;
  db: NonNullable<LazyContext["db"]>;
  writes: Writes;
  sweepAt: NonNullable<LazyContext["sweepAt"]>;
  recomputeSoon: NonNullable<LazyContext["recomputeSoon"]>;
  release: NonNullable<LazyContext["release"]>;
};

/** A ctx that carries the context. */
export function withLazyContext<Ctx extends object>(ctx: Ctx, lazy: LazyContext): Ctx {
  return Object.assign(ctx, { [LAZY]: lazy });
}

export function findLazyContext(ctx: object): LazyContext | undefined {
  return (ctx as { [LAZY]?: LazyContext })[LAZY];
}

/** @throws Error with the remedy, when `ctx` does not come from this library or does not know the view. */
export function lazyContext(ctx: object, view: ViewDefinition, method: string): LazyContext {
  const lazy = findLazyContext(ctx);
  if (lazy === undefined) {
    throw new Error(
      `${view.name}.${method} was given a plain ctx; define the function with lazy.query or lazy.mutation ` +
        `(or call ${view.name}.peek, which needs neither).`,
    );
  }
  if (lazy.views.get(view.name) !== view) {
    throw new Error(
      `${view.name}.${method}: this view is not among the views of new LazyViews({ views: { … } }); add it there.`,
    );
  }
  return lazy;
}

/** @throws Error with the remedy, when `ctx` is not that of a mutation of this library. */
export function lazyMutationContext(
  ctx: object,
  view: ViewDefinition,
  method: string,
): LazyMutationContext {
  const lazy = lazyContext(ctx, view, method);
  if (lazy.release === undefined) {
    throw new Error(`${view.name}.${method} writes; call it in a function of lazy.mutation.`);
  }
  // In a trigger, writes must go through its own ctx: the mutation's would wait for the trigger to end.
  const inTrigger = "innerDb" in ctx;
  return { ...lazy, ...(inTrigger ? { ctx } : {}) } as LazyMutationContext;
}
