import type { GenericActionCtx, GenericDataModel } from "convex/server";
import { type AnyMutationCtx, dispatchInMutation, type LazyApp, ledgerOf } from "./app.js";
import { EffectCollector, type EffectCtx } from "./effects/context.js";
import { dispatchEffects, dispatchInChunks } from "./effects/dispatch.js";
import { type Effect, ledgerKey } from "./effects/effect.js";
import { ensureSweep } from "./effects/sweep.js";
import { acceptMarks, type Signature, takeMark, toEnvelope } from "./effects/transports/client.js";
import { findCollector } from "./effects/transports/collector.js";
import { sendByLogStream } from "./effects/transports/logStream.js";
import { findNative, sendNatively } from "./effects/transports/native.js";
import { sealForSending } from "./effects/transports/sealing.js";
import { missingFunctionError } from "./functions.js";
import { collectingRunQuery } from "./nested.js";
import { releaseKey } from "./recompute/retry.js";
import { Marks } from "./staleness/marks.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import { withTriggers } from "./staleness/triggers.js";
import { Writes } from "./staleness/writes.js";
import { type LazyContext, type LazyMutationContext, withLazyContext } from "./views/context.js";
import { readOnly } from "./views/readOnly.js";
import { recomputeEffect } from "./views/recomputeEffect.js";

type Handler = (ctx: object, args: unknown) => unknown;
type RunMutation = AnyMutationCtx["runMutation"];
type Definition = Handler | ({ handler: Handler } & Signature);
type Run = (ctx: never, handler: (ctx: object, args: unknown) => unknown, args: unknown) => unknown;

/** A builder like Convex's own, whose functions run inside `run`. */
export function wrapBuilder(builder: unknown, run: Run): unknown {
  return (definition: Definition) => {
    const handler = typeof definition === "function" ? definition : definition.handler;
    const wrapped = (ctx: never, args: unknown) => run(ctx, handler, args);
    const register = builder as (definition: unknown) => unknown;
    return register(
      typeof definition === "function" ? wrapped : { ...definition, handler: wrapped },
    );
  };
}

/** A query builder; with the transport `client`, calls of its queries may be marked. */
export function wrapQueryBuilder(app: LazyApp, builder: unknown): unknown {
  const run: Run = (ctx, handler, args) => runQuery(app, ctx, handler, args);
  const wrapped = wrapBuilder(builder, run) as (definition: Definition) => unknown;
  if (!app.transports.has("client")) return wrapped;
  return (definition: Definition) =>
    wrapped(typeof definition === "function" ? definition : acceptMarks(definition));
}

/**
 * Effects of a query leave when it ends, also when it throws.
 *
 * - Convex's own `ctx.scheduleEffect`, should there be one → to it.
 * - A function that runs this query takes them over → in the envelope.
 * - Else through the log stream, if the app has that transport; and in the envelope, if the client asked for one.
 * - With only the transport `client`, and nobody who asked → nowhere, but to a test that collects them.
 */
export async function runQuery(
  app: LazyApp,
  ctx: AnyQueryCtx,
  handler: (ctx: AnyQueryCtx & EffectCtx, args: unknown) => unknown,
  markedArgs: unknown,
): Promise<unknown> {
  const collector = new EffectCollector(complain);
  const native = findNative(ctx);
  const { mark, args } = takeMark(app.transports.has("client"), markedArgs);
  const inner = {
    ...ctx,
    scheduleEffect: collector.scheduleEffect,
    runQuery: collectingRunQuery(app, ctx.runQuery, (effect) => collector.raise(effect)),
  };
  withLazyContext(inner, contextOf(app, inner, collector));
  const send = async (effects: readonly Effect[]) => {
    if (native !== undefined) await sendNatively(native, app.refs.dispatch, effects);
    else if (app.transports.has("logStream")) await sendByLogStream(effects);
    else if (mark === undefined) await giveToTest(effects, app.refs.path("forward"));
  };
  let value: unknown;
  try {
    value = await handler(inner, args);
  } catch (error) {
    await send(collector.take());
    throw error;
  }
  const effects = collector.take();
  if (mark !== "caller") await send(effects);
  if (mark === undefined) return value;
  const enclosed = native === undefined || mark === "caller" ? effects : [];
  return await toEnvelope(value, enclosed, app.refs.path("forward"));
}

async function giveToTest(effects: readonly Effect[], forward: string): Promise<void> {
  const collector = findCollector();
  if (collector !== undefined) collector(await sealForSending(effects), forward);
}

/** Effects of a mutation are dispatched in its own transaction: they are rolled back with it. */
export async function runMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  handler: (ctx: AnyMutationCtx & EffectCtx, lazy: LazyMutationContext) => unknown,
): Promise<unknown> {
  const collector = new EffectCollector((error) => {
    throw error;
  });
  const runSubMutation = ctx.runMutation as (...call: unknown[]) => Promise<unknown>;
  const outer = {
    ...ctx,
    scheduleEffect: collector.scheduleEffect,
    runQuery: collectingRunQuery(app, ctx.runQuery, (effect) => collector.raise(effect)),
    // A sub-mutation may commit rows that this one has marked, until it ends.
    runMutation: ((...call: Parameters<RunMutation>) => {
      lazy.marks.pause();
      return runSubMutation(...call).finally(() => lazy.marks.resume());
    }) as RunMutation,
  };
  const lazy: LazyMutationContext = {
    ...contextOf(app, outer, collector),
    ctx: outer,
    db: ctx.db,
    writes: new Writes(),
    sweepAt: (sweep) => ensureSweep(ledgerOf(app, ctx), sweep),
    recomputeSoon: async (view, key, row) => {
      const effect = recomputeEffect(app.refs.path("recompute"), view, key, row);
      const options = { jobArgs: { byWrite: true }, isDemanded: true };
      return (await dispatchEffects(ledgerOf(app, ctx), [effect], options)).refused === 0;
    },
    release: (effect, cause) => {
      const work = { key: ledgerKey(effect), windowMs: effect.windowMs };
      return releaseKey(ledgerOf(app, ctx), work, cause);
    },
  };
  // Before the triggers wrap it, so that they find the marks of this mutation.
  const inner = withTriggers(app.triggers, withLazyContext(outer, lazy), lazy.writes);
  lazy.ctx = inner;
  lazy.reader = readOnly(inner);
  const result = await handler(inner, lazy);
  await lazy.marks.settle();
  if (lazy.lostInvalidation !== undefined) throw lazy.lostInvalidation;
  const effects = collector.take();
  if (effects.length > 0) await dispatchInMutation(app, ctx, effects);
  return result;
}

/** Effects of an action, or of an HTTP action, are dispatched in mutations when it ends, also when it throws. */
export async function runAction(
  app: LazyApp,
  ctx: GenericActionCtx<GenericDataModel>,
  handler: (ctx: GenericActionCtx<GenericDataModel> & EffectCtx) => unknown,
): Promise<unknown> {
  const collector = new EffectCollector((error) => {
    throw error;
  });
  try {
    const raise = (effect: Effect) => collector.raise(effect);
    const runQuery = collectingRunQuery(app, ctx.runQuery, raise);
    return await handler({ ...ctx, runQuery, scheduleEffect: collector.scheduleEffect });
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
    reader: ctx,
    views: app.views,
    recompute: app.refs.path("recompute"),
    raise: (effect) => collector.raise(effect),
    marks: new Marks(),
  };
}

function complain(error: unknown): void {
  console.error(`convex-lazy-views: ${error instanceof Error ? error.message : error}`);
}
