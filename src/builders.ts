import type { GenericActionCtx, GenericDataModel } from "convex/server";
import { type AnyMutationCtx, dispatchInMutation, type LazyApp, ledgerOf } from "./app.js";
import { EffectCollector, type EffectCtx } from "./effects/context.js";
import { dispatchInChunks } from "./effects/dispatch.js";
import { ledgerKey } from "./effects/effect.js";
import { sendByLogStream } from "./effects/transports/logStream.js";
import { missingFunctionError } from "./functions.js";
import { releaseKey } from "./recompute/retry.js";
import { Marks } from "./staleness/marks.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import { withTriggers } from "./staleness/triggers.js";
import { type LazyContext, withLazyContext } from "./views/context.js";

type Handler = (ctx: object, args: unknown) => unknown;
type RunMutation = AnyMutationCtx["runMutation"];
type Run = (ctx: never, handler: (ctx: object) => unknown) => Promise<unknown>;

/** A builder like Convex's own, whose functions run inside `run`. */
export function wrapBuilder(builder: unknown, run: Run): unknown {
  return (definition: Handler | { handler: Handler }) => {
    const handler = typeof definition === "function" ? definition : definition.handler;
    const wrapped = (ctx: never, args: unknown) => run(ctx, (inner) => handler(inner, args));
    const register = builder as (definition: unknown) => unknown;
    return register(
      typeof definition === "function" ? wrapped : { ...definition, handler: wrapped },
    );
  };
}

/** Effects of a query leave through the log stream when it ends, also when it throws. */
export async function runQuery(
  app: LazyApp,
  ctx: AnyQueryCtx,
  handler: (ctx: AnyQueryCtx & EffectCtx) => unknown,
): Promise<unknown> {
  const collector = new EffectCollector(complain);
  const inner = { ...ctx, scheduleEffect: collector.scheduleEffect };
  withLazyContext(inner, contextOf(app, inner, collector));
  try {
    return await handler(inner);
  } finally {
    await sendByLogStream(collector.take());
  }
}

/** Effects of a mutation are dispatched in its own transaction: they are rolled back with it. */
export async function runMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  handler: (ctx: AnyMutationCtx & EffectCtx, lazy: LazyContext) => unknown,
): Promise<unknown> {
  const collector = new EffectCollector((error) => {
    throw error;
  });
  const runSubMutation = ctx.runMutation as (...call: unknown[]) => Promise<unknown>;
  const outer = {
    ...ctx,
    scheduleEffect: collector.scheduleEffect,
    // A sub-mutation may commit rows that this one has marked, until it ends.
    runMutation: ((...call: Parameters<RunMutation>) => {
      lazy.marks.pause();
      return runSubMutation(...call).finally(() => lazy.marks.resume());
    }) as RunMutation,
  };
  const lazy: LazyContext = {
    ...contextOf(app, outer, collector),
    db: ctx.db,
    release: (effect, cause) => releaseKey(ledgerOf(app, ctx), ledgerKey(effect), cause),
  };
  // Before the triggers wrap it, so that they find the marks of this mutation.
  const inner = withTriggers(app.triggers, withLazyContext(outer, lazy));
  lazy.ctx = inner;
  const result = await handler(inner, lazy);
  await lazy.marks.settle();
  if (lazy.lostInvalidation !== undefined) throw lazy.lostInvalidation;
  const effects = collector.take();
  if (effects.length > 0) await dispatchInMutation(app, ctx, effects);
  return result;
}

/** Effects of an action are dispatched in mutations when it ends, also when it throws. */
export async function runAction(
  app: LazyApp,
  ctx: GenericActionCtx<GenericDataModel>,
  handler: (ctx: GenericActionCtx<GenericDataModel> & EffectCtx) => unknown,
): Promise<unknown> {
  const collector = new EffectCollector((error) => {
    throw error;
  });
  try {
    return await handler({ ...ctx, scheduleEffect: collector.scheduleEffect });
  } finally {
    await dispatchInChunks(collector.take(), (effects) =>
      ctx.runMutation(app.refs.dispatch, { effects }),
    ).catch((error) => complain(missingFunctionError(app.module, "dispatch", error)));
  }
}

function contextOf(
  app: LazyApp,
  ctx: AnyQueryCtx & EffectCtx,
  collector: EffectCollector,
): LazyContext {
  return {
    ctx,
    views: app.views,
    recompute: app.refs.path("recompute"),
    raise: (effect) => collector.raise(effect),
    marks: new Marks(),
  };
}

function complain(error: unknown): void {
  console.error(`convex-lazy-views: ${error instanceof Error ? error.message : error}`);
}
