import { internalMutationGeneric, mutationGeneric } from "convex/server";
import { EffectCollector, type EffectCtx } from "../effects/collector.js";
import { dispatchInChunks } from "../effects/dispatch.js";
import { type Effect, nameOf } from "../effects/effect.js";
import {
  acceptMarks,
  callerMark,
  LISTENER,
  openEnvelope,
  realm,
  type Signature,
  sealForClient,
  takeMark,
  toEnvelope,
} from "../effects/transports/client.js";
import { CLIENT, MARK, marked } from "../effects/transports/envelope.js";
import { sendByLog } from "../effects/transports/logLines.js";
import { called, dispatchOwn, type LazyApp, pathOf } from "../model/app.js";
import { Execution, findExecution, MutationExecution } from "../model/execution.js";
import { forgottenExports, leavesByLog } from "../model/exports.js";
import type { AnyActionCtx, AnyMutationCtx, AnyQueryCtx } from "../schema.js";
import { IN_TURN, watchDb } from "../staleness/watch.js";
import { copyOf } from "../values/copy.js";
import { complain, reasonOf } from "../values/describe.js";
import { ensureTail } from "./tail.js";

type Handler<Ctx> = (ctx: Ctx & EffectCtx, args: unknown) => unknown;
type Definition<Ctx> = Handler<Ctx> | ({ handler: Handler<Ctx> } & Signature);
type Wrapper<Ctx> = (app: LazyApp, ctx: Ctx, handler: Handler<Ctx>, args: unknown) => Promise<unknown>;
/** `runQuery` or `runMutation`. */
type Run = (reference: unknown, args?: object, ...options: unknown[]) => Promise<unknown>;

const CONVEX_MUTATIONS: unknown[] = [mutationGeneric, internalMutationGeneric];

/**
 * Makes a builder like Convex's own, whose functions run inside a wrapper. A function that gets the ctx of another
 * function of this app runs as a part of it: it was called as a plain function, or its builder was wrapped twice.
 */
export function wrapBuilder<Ctx>(app: LazyApp, builder: unknown, wrapper: Wrapper<Ctx>): unknown {
  const register = builder as (definition: unknown) => unknown;
  const mayWrapDb = (wrapper as unknown) === inMutation && !CONVEX_MUTATIONS.includes(builder);
  const isMarkable = (wrapper as unknown) === inQuery && app.transports.has("client");
  return (definition: Definition<Ctx>) => {
    const isHandler = typeof definition === "function";
    const given = isHandler ? definition : definition.handler;
    const handler: Handler<Ctx> = (ctx, args) => {
      const execution = findExecution(ctx);
      if (execution?.app === app) return given(ctx, args);
      // Only Convex's own `ctx.db` has `table`.
      const { db } = ctx as unknown as AnyMutationCtx;
      if (mayWrapDb && !execution && !("table" in db)) throw new Error(WRAPPED_DB);
      return wrapper(app, ctx, given, args);
    };
    if (isHandler) return register(handler);
    return register({ ...(isMarkable ? acceptMarks(definition) : definition), handler });
  };
}

const WRAPPED_DB =
  "lazy.mutation was given a builder that wraps ctx.db. Put it on top: customMutation(lazy.mutation(rawMutation), " +
  "customCtx((ctx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) }))).";

/**
 * Effects of a query leave when it ends, also when it throws.
 *
 * - A function of this app runs the query → in the envelope: that function dispatches them.
 * - Else through the log, if the app has a transport for it; and in the envelope, if a client asked for one.
 * - The call is not marked, and the app has only the transport `client` → only a test that collects effects gets them.
 */
export const inQuery: Wrapper<AnyQueryCtx> = async (app, ctx, handler, markedArgs) => {
  const { mark, args } = await takeMark(app.transports.has("client"), markedArgs);
  const forward = pathOf(app, "forward");
  const { ctx: inner, collector } = queryExecution(app, ctx);
  const send = async (effects: readonly Effect[]) => {
    if (leavesByLog(app)) await sendByLog(effects);
    else if (!mark) realm[LISTENER]?.(await sealForClient(effects), forward);
  };
  let value: unknown;
  try {
    value = await handler(inner, args);
  } catch (error) {
    await send(takeEffects(app, collector));
    throw error;
  }
  const effects = takeEffects(app, collector);
  if (!mark || mark === CLIENT) await send(effects);
  return mark ? toEnvelope(value, effects, forward, mark) : value;
};

export function queryExecution(app: LazyApp, ctx: AnyQueryCtx): Execution {
  const collector = new EffectCollector(complain);
  return new Execution(app, innerCtx(app, ctx, collector), collector);
}

/** Effects of a mutation are dispatched in its own transaction, and so rolled back with it. */
export const inMutation: Wrapper<AnyMutationCtx> = (app, ctx, handler, args) =>
  withExecution(app, ctx, (execution) => handler(execution.ctx, args));

type Work<Result> = (execution: MutationExecution) => Result;

/** Runs a mutation of the app or of the library. It waits for each write that was begun, also for those not awaited. */
export async function withExecution<Result>(app: LazyApp, ctx: AnyMutationCtx, work: Work<Result>) {
  const collector = new EffectCollector();
  const inner = innerCtx(app, ctx, collector);
  const execution = new MutationExecution(app, ctx, inner, collector);
  const { mutex } = execution;
  execution.watched = watchDb(execution, IN_TURN);
  const runSubMutation = ctx.runMutation as Run;
  const runQuery = inner.runQuery as Run;
  Object.assign(inner, {
    db: watchDb(execution, mutex),
    // A sub-mutation may commit any row, also one that this mutation has marked.
    runMutation: (mutation: unknown, args: unknown, ...options: unknown[]) => {
      const copied = copyOf(args) as object;
      return mutex.run(() => runSubMutation(mutation, copied, ...options).finally(() => execution.forget()));
    },
    // A query may read rows: the writes before it must have marked them.
    runQuery: (...call: Parameters<Run>) => {
      const { idle } = mutex;
      return mutex.track(() => (idle ? idle.then(() => runQuery(...call)) : runQuery(...call)));
    },
  });
  let result: Awaited<Result>;
  try {
    result = await work(execution);
  } finally {
    await mutex.close();
  }
  if (execution.lostInvalidation !== undefined) throw execution.lostInvalidation;
  const effects = takeEffects(app, collector);
  if (effects.length > 0) await dispatchOwn(app, ctx, effects);
  const { wakesReaders, hasWritten } = execution;
  if (wakesReaders || hasWritten) await ensureTail(app, ctx, wakesReaders);
  return result;
}

/** Effects of an action or HTTP action are dispatched by mutations when it ends, also when it throws. */
export const inAction: Wrapper<AnyActionCtx> = async (app, ctx, handler, args) => {
  const collector = new EffectCollector();
  const inner = innerCtx(app, ctx, collector);
  new Execution(app, inner, collector);
  try {
    return await handler(inner, args);
  } finally {
    await dispatchInChunks(takeEffects(app, collector), (effects) =>
      called(app, "dispatch", ctx.runMutation(app.refs.dispatch, { effects })),
    ).catch(complain);
  }
};

/** Takes the effects; if there are any, logs which exports the app has forgotten (effects do not need `heartbeat`). */
function takeEffects(app: LazyApp, collector: EffectCollector): Effect[] {
  const effects = collector.take();
  if (effects.length > 0) for (const problem of forgottenExports(app, "heartbeat")) complain(problem);
  return effects;
}

function innerCtx<Ctx extends object>(app: LazyApp, ctx: Ctx, collector: EffectCollector): Ctx & EffectCtx {
  const inner = { ...ctx, scheduleEffect: collector.scheduleEffect } as Ctx & EffectCtx & { runQuery: Run };
  if (app.transports.has("client")) inner.runQuery = collectingRunQuery(app, inner.runQuery, collector);
  return inner;
}

/**
 * A `ctx.runQuery` that takes over the effects of the queries that it runs: it marks the call, and opens the envelope.
 * It is used only with the transport `client`; with others, queries send their effects through the log.
 *
 * A query that was not made with `lazy.query` may refuse the mark. It is called again without, and remembered. After
 * any failure, the caller gets what an unmarked call returns.
 */
function collectingRunQuery(app: LazyApp, run: Run, collector: EffectCollector): Run {
  return async (reference, givenArgs = {}, ...options) => {
    const name = nameOf(reference);
    const args = copyOf(givenArgs) as Record<string, unknown>; // The app may go on using its object.
    const plain = () => run(reference, args, ...options);
    // Functions of components (no name) do not take marks.
    if (name === null || app.plainQueries.has(name) || MARK in args) return plain();
    const mark = await callerMark(args);
    if (!mark) return plain();
    let answer: unknown;
    try {
      answer = await run(reference, marked(args, mark), ...options);
    } catch (error) {
      const value = await plain();
      // The text of an error may come from a user. It counts only when the same call works without the mark.
      if (REFUSAL.test(reasonOf(error))) app.plainQueries.add(name);
      return value;
    }
    const opened = await openEnvelope(answer, mark);
    if (!opened) return answer;
    for (const effect of opened.effects) collector.raise(effect);
    return opened.value;
  };
}

/** The error of Convex, or of convex-test, when the arguments of a function do not allow the mark. */
const REFUSAL = /^(Uncaught )?(\w*Error: )*(Object contains extra|Validator error: Unexpected) field `lazyViews`/;
