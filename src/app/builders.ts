import { EffectCollector, type EffectCtx } from "../effects/collector.js";
import { dispatchInChunks } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import { acceptMarks, type Signature, takeMark, toEnvelope } from "../effects/transports/client.js";
import { findListener } from "../effects/transports/listener.js";
import { sendByLogStream } from "../effects/transports/logStream.js";
import { sealForSending } from "../effects/transports/sealing.js";
import { dispatchInMutation, type LazyApp, missingFunctionError, pathOf } from "../model/app.js";
import { Execution, findExecution, MutationExecution } from "../model/execution.js";
import type { AnyActionCtx, AnyMutationCtx, AnyQueryCtx } from "../schema.js";
import { watchDb } from "../staleness/sources.js";
import { copyOf } from "../values/copy.js";
import { reasonOf } from "../values/describe.js";
import { collectingRunQuery } from "./nested.js";

type Handler = (ctx: object, args: unknown) => unknown;
type Definition = Handler | ({ handler: Handler } & Signature);
/** How a function runs: `inQuery`, `inMutation` or `inAction`. */
type Wrapper = (app: LazyApp, ctx: never, handler: Handler, args: unknown) => unknown;

/**
 * A builder like Convex's own, whose functions run inside a wrapper. A function that is given the ctx of another one of
 * this app runs as a part of that one: it was called as a plain function, or its builder was wrapped twice.
 */
export function wrapBuilder(app: LazyApp, builder: unknown, wrapper: Wrapper): unknown {
  const register = builder as (definition: unknown) => unknown;
  return (definition: Definition) => {
    const handler = typeof definition === "function" ? definition : definition.handler;
    const wrapped = (ctx: object, args: unknown) =>
      findExecution(ctx)?.app === app ? handler(ctx, args) : wrapper(app, ctx as never, handler, args);
    return register(typeof definition === "function" ? wrapped : { ...definition, handler: wrapped });
  };
}

/** A query builder; with the transport `client`, calls of its queries may be marked. */
export function wrapQueryBuilder(app: LazyApp, builder: unknown): unknown {
  const wrapped = wrapBuilder(app, builder, inQuery) as (definition: Definition) => unknown;
  if (!app.transports.has("client")) return wrapped;
  return (definition: Definition) => wrapped(typeof definition === "function" ? definition : acceptMarks(definition));
}

/**
 * Effects of a query leave when it ends, also when it throws.
 *
 * - A function that runs this query takes them over → in the envelope.
 * - Else through the log stream, if the app has that transport; and in the envelope, if the client asked for one.
 * - With only the transport `client`, and a call that is not marked → nowhere, but to a test that collects them.
 */
export async function inQuery(
  app: LazyApp,
  ctx: AnyQueryCtx,
  handler: (ctx: AnyQueryCtx & EffectCtx, args: unknown) => unknown,
  markedArgs: unknown,
): Promise<unknown> {
  const collector = new EffectCollector(complain);
  const { mark, args } = takeMark(app.transports.has("client"), markedArgs);
  const { ctx: inner } = new Execution(app, innerCtx(app, ctx, collector), collector);
  const send = async (effects: readonly Effect[]) => {
    if (app.transports.has("logStream")) await sendByLogStream(effects);
    else if (mark === undefined) await giveToTest(effects, pathOf(app, "forward"));
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
  return mark === undefined ? value : await toEnvelope(value, effects, pathOf(app, "forward"));
}

async function giveToTest(effects: readonly Effect[], forward: string): Promise<void> {
  const listener = findListener();
  if (listener !== undefined) listener(await sealForSending(effects), forward);
}

/**
 * Effects of a mutation are dispatched in its own transaction: they are rolled back with it. The mutation ends when
 * every write has ended that was begun in it, also those that nobody has awaited.
 */
export function inMutation(
  app: LazyApp,
  ctx: AnyMutationCtx,
  handler: (ctx: AnyMutationCtx & EffectCtx, args: unknown) => unknown,
  args: unknown,
): Promise<unknown> {
  return withExecution(app, ctx, ({ ctx: inner }) => handler(inner, args));
}

/** The same, for the library's own mutations. */
export async function withExecution<Result>(
  app: LazyApp,
  ctx: AnyMutationCtx,
  work: (execution: MutationExecution) => Result,
): Promise<Awaited<Result>> {
  const collector = new EffectCollector(rethrow);
  const inner = innerCtx(app, ctx, collector);
  const execution = new MutationExecution(app, ctx, inner, collector);
  const { mutex } = execution;
  const runSubMutation = ctx.runMutation as (...call: unknown[]) => Promise<unknown>;
  const runQuery = inner.runQuery as (...call: unknown[]) => Promise<unknown>;
  Object.assign(inner, {
    db: watchDb(execution, mutex),
    // It may commit any row, also one that this mutation has marked.
    runMutation: (mutation: unknown, args: unknown, ...options: unknown[]) => {
      const copied = copyOf(args);
      return mutex.run(() => runSubMutation(mutation, copied, ...options).finally(() => execution.forget()));
    },
    runQuery: (...call: unknown[]) => mutex.track(() => runQuery(...call)),
  });
  let result: Awaited<Result>;
  try {
    result = await work(execution);
  } finally {
    await mutex.close();
  }
  if (execution.lostInvalidation !== undefined) throw execution.lostInvalidation;
  const effects = collector.take();
  if (effects.length > 0) await dispatchInMutation(app, ctx, effects);
  return result;
}

/** Effects of an action, or of an HTTP action, are dispatched in mutations when it ends, also when it throws. */
export async function inAction(
  app: LazyApp,
  ctx: AnyActionCtx,
  handler: (ctx: AnyActionCtx & EffectCtx, args: unknown) => unknown,
  args: unknown,
): Promise<unknown> {
  const collector = new EffectCollector(rethrow);
  const inner = innerCtx(app, ctx, collector);
  new Execution(app, inner, collector);
  try {
    return await handler(inner, args);
  } finally {
    await dispatchInChunks(collector.take(), (effects) => ctx.runMutation(app.refs.dispatch, { effects })).catch(
      (error) => complain(missingFunctionError(app.module, "dispatch", error)),
    );
  }
}

function innerCtx<Ctx extends { runQuery: (...call: never[]) => Promise<unknown> }>(
  app: LazyApp,
  ctx: Ctx,
  collector: EffectCollector,
): Ctx & EffectCtx {
  return {
    ...ctx,
    scheduleEffect: collector.scheduleEffect,
    runQuery: collectingRunQuery(app, ctx.runQuery as never, (effect) => collector.raise(effect)),
  };
}

function rethrow(error: unknown): never {
  throw error;
}

function complain(error: unknown): void {
  console.error(`convex-lazy-views: ${reasonOf(error)}`);
}
