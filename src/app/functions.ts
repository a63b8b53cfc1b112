import type { RegisteredAction, RegisteredMutation, RegisteredQuery } from "convex/server";
import { internalActionGeneric, internalMutationGeneric, internalQueryGeneric, mutationGeneric } from "convex/server";
import { v } from "convex/values";
import type { DispatchCounts } from "../effects/dispatch.js";
import { openForwarded } from "../effects/transports/client.js";
import { called, commitsOf, dispatchAll, dispatchInMutation, type LazyApp } from "../model/app.js";
import type { MutationExecution } from "../model/execution.js";
import { noting } from "../model/exports.js";
import type {
  ActJob,
  DispatchArgs,
  Ping,
  Question,
  ReadLog,
  RecomputeJob,
  RecomputeOutcome,
  SweepJob,
} from "../model/jobs.js";
import { doRunJob } from "../recompute/run.js";
import type { AnyQueryCtx } from "../schema.js";
import { stillWanted } from "../views/read.js";
import { answerAudit, sweepAudit } from "./audit.js";
import { withExecution } from "./builders.js";
import { beat, raiseCanary, writeArrival, writeBeat, writeTopics } from "./heartbeat.js";
import { type InspectReport, inspect, inspectRow } from "./inspect.js";
import { readLog } from "./readLog.js";
import { act, answerRun, runAttempt, runCommit } from "./recompute.js";
import { findDue, findForgotten, sweepDue, sweepForgotten } from "./sweeps.js";
import { isTailNeeded, noteTail, startTail } from "./tail.js";
import { lookAtWiring } from "./wiring.js";

/** The functions that {@link LazyViews.functions} returns, for the app to export. The library calls all of them. */
export interface LazyFunctions {
  /** Recomputes one row, in one of the steps that its mode has. */
  recompute: RegisteredMutation<"internal", { job: RecomputeJob }, Promise<RecomputeOutcome>>;
  /** Dispatches effects that left a query or action: it schedules their targets. It never writes to the console. */
  dispatch: RegisteredMutation<"internal", DispatchArgs, Promise<DispatchCounts>>;
  /**
   * Works in the background, on at most 100 documents at a time: it marks rows that have reached an age, looks after
   * jobs that have died, and deletes ledger entries whose window is over and rows to evict.
   */
  sweep: RegisteredMutation<"internal", { job: SweepJob }, Promise<{ swept: number }>>;
  /**
   * Returns an {@link InspectReport}: what is wrong, counts of rows, and failures. `npx convex run lazy:inspect` prints
   * it. With a view and a key, it returns what {@link View.explain} returns:
   * `npx convex run lazy:inspect '{"view":"airportStats","key":{"airport":"SFO"}}'`.
   */
  inspect: RegisteredQuery<"internal", { ask?: Question; view?: string; key?: unknown }, Promise<InspectReport>>;
  /** Computes the values of views of the mode `action`. Export it only with such views. */
  act: RegisteredAction<"internal", { job: ActJob }, Promise<RecomputeOutcome>>;
  /**
   * Checks everything that an effect needs, by sending one, and logs what is wrong; `inspect` reports the result. It
   * also recomputes rows that a reader asked for in the last hour and whose effect was lost, does the work of sweeps
   * that have died, and audits some rows. Run it after each deploy that adds views or exports, with
   * `npx convex run lazy:heartbeat`, and from a cron.
   *
   * @example
   * ```ts
   * import { cronJobs } from "convex/server";
   *
   * const crons = cronJobs();
   * crons.interval("heartbeat of lazy views", { minutes: 5 }, internal.lazy.heartbeat);
   * export default crons;
   * ```
   */
  heartbeat: RegisteredAction<"internal", Record<string, never>, Promise<null>>;
  /**
   * Reads the function log, and dispatches the effects in it: the transport `logTail`. Writes and the heartbeat start
   * it. If effects of reads without a recent write should leave sooner, call it from a cron.
   *
   * @example
   * ```ts
   * import { cronJobs } from "convex/server";
   *
   * const crons = cronJobs();
   * crons.interval("tail of lazy views", { minutes: 1 }, internal.lazy.tail, {});
   * export default crons;
   * ```
   */
  tail: RegisteredAction<"internal", { job?: ReadLog | Ping }, Promise<null>>;
  /** Dispatches effects that clients forward. Export it only with the transport `client`: it is public. */
  forward: RegisteredMutation<"public", { seals: string[] }, Promise<DispatchCounts>>;
}

/** A handler for each kind of job: a function of a context and the job. */
type Handlers<Job extends { kind: string }, Context extends unknown[], Result> = {
  [Kind in Job["kind"]]: (...args: [...Context, Extract<Job, { kind: Kind }>]) => Promise<Result>;
};

const RECOMPUTES: Handlers<RecomputeJob, [MutationExecution], RecomputeOutcome> = {
  attempt: runAttempt,
  commit: runCommit,
  step: doRunJob,
  started: doRunJob,
  finish: doRunJob,
  commitRun: doRunJob,
  beat: writeBeat,
  arrival: writeArrival,
  ping: async () => "clean",
};

const SWEEPS: Handlers<SweepJob, [MutationExecution], number> = {
  due: sweepDue,
  evict: sweepDue,
  backstop: sweepForgotten,
  audit: sweepAudit,
  beat: (execution, job) => writeBeat(execution, job).then(() => 1),
  tail: ({ app, raw }, job) => startTail(app, raw, job),
  tailed: ({ app, raw }, job) => noteTail(app, raw, job),
  topics: writeTopics,
  ping: async () => 0,
};

const ANSWERS: Handlers<Question, [LazyApp, AnyQueryCtx], unknown> = {
  commits: (app, ctx, { effects }) => commitsOf(app, ctx, effects),
  wanted: (app, ctx, { effects }) => stillWanted(app, ctx, effects),
  due: findDue,
  backstop: findForgotten,
  audit: answerAudit,
  compute: answerRun,
  tail: (_, ctx, { isUrgent }) => isTailNeeded(ctx, isUrgent),
  canary: (app, _, { sentAt }) => raiseCanary(app, sentAt),
  ping: lookAtWiring,
};

type Handler<Context extends unknown[], Result> = (...args: [...Context, job: never]) => Promise<Result>;

/** Returns the handler for a job. @throws Error with the kind, when this release does not know it. */
function handlerOf<C extends unknown[], R>(handlers: Record<string, Handler<C, R>>, job: { kind: string }) {
  const handle = Object.hasOwn(handlers, job.kind) && handlers[job.kind];
  if (handle) return (...context: C) => handle(...context, job as never);
  const kind = JSON.stringify(job.kind);
  throw new Error(`convex-lazy-views: unknown job ${kind}; an older release may have scheduled it.`);
}

export function internalFunctions(app: LazyApp): LazyFunctions {
  const args = { job: v.any() };
  return noting(app, {
    recompute: internalMutationGeneric({
      args,
      handler: async (ctx, { job }) => withExecution(app, ctx, handlerOf(RECOMPUTES, job)),
    }),
    dispatch: internalMutationGeneric({
      args: {
        effects: v.any(),
        areForwarded: v.optional(v.boolean()),
        isJob: v.optional(v.boolean()),
        tailed: v.optional(v.any()),
      },
      handler: async (ctx, { effects, areForwarded = false, isJob, tailed }) => {
        if (isJob) return dispatchAll(app, ctx, effects, areForwarded);
        if (tailed) await noteTail(app, ctx, tailed);
        return dispatchInMutation(app, ctx, effects, areForwarded);
      },
    }),
    sweep: internalMutationGeneric({
      args,
      handler: async (ctx, { job }) => ({ swept: await withExecution(app, ctx, handlerOf(SWEEPS, job)) }),
    }),
    inspect: internalQueryGeneric({
      args: { ask: v.optional(v.any()), view: v.optional(v.string()), key: v.optional(v.any()) },
      handler: (ctx, { ask, view, key }) => {
        if (ask !== undefined) return handlerOf(ANSWERS, ask)(app, ctx) as Promise<InspectReport>;
        return view === undefined ? inspect(app, ctx) : (inspectRow(app, ctx, view, key) as Promise<never>);
      },
    }),
    act: internalActionGeneric({
      args,
      handler: async (ctx, { job }) => (job.kind === "ping" ? "clean" : act(app, ctx, job)),
    }),
    heartbeat: internalActionGeneric({ args: {}, handler: (ctx) => beat(app, ctx) }),
    tail: internalActionGeneric({
      args: { job: v.optional(v.any()) },
      handler: async (ctx, { job }) => {
        if (job?.kind === "read") return readLog(app, ctx, job);
        if (!job) await called(app, "sweep", ctx.runMutation(app.refs.sweep, { job: { kind: "tail" } }));
        return null;
      },
    }),
    forward: mutationGeneric({
      args: { seals: v.array(v.string()) },
      handler: async (ctx, { seals }) => dispatchAll(app, ctx, (await openForwarded(seals)).effects, true),
    }),
  });
}
