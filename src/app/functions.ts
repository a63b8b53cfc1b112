import {
  internalActionGeneric,
  internalMutationGeneric,
  internalQueryGeneric,
  mutationGeneric,
  type RegisteredAction,
  type RegisteredMutation,
  type RegisteredQuery,
} from "convex/server";
import { v } from "convex/values";
import { type DispatchCounts, dispatchInChunks } from "../effects/dispatch.js";
import type { Effect } from "../effects/effect.js";
import { dueDocuments } from "../effects/sweep.js";
import { openForwarded } from "../effects/transports/client.js";
import { commitsOf, dispatchInMutation, type LazyApp, pathOf } from "../model/app.js";
import {
  type ActJob,
  type Question,
  type RecomputeJob,
  type RecomputeOutcome,
  refuse,
  type SweepJob,
} from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { type AnyMutationCtx, type AnyQueryCtx, lazyDb } from "../schema.js";
import { findForgotten, scanForgotten } from "./backstop.js";
import { findEvictable, scanEvictable } from "./evict.js";
import { beat, raiseCanary, writeNote } from "./heartbeat.js";
import { type InspectReport, inspect } from "./inspect.js";
import { act, answerRun, recompute } from "./recompute.js";
import { sweepDue } from "./sweeper.js";

/** The functions that an app exports for the library: `export const { … } = lazy.functions()`. */
export interface LazyFunctions {
  /** Recomputes one row. */
  recompute: RegisteredMutation<"internal", { job: RecomputeJob }, Promise<RecomputeOutcome>>;
  /** Dispatches effects that left a query or action. It never writes to the console. */
  dispatch: RegisteredMutation<"internal", { effects: Effect[]; areForwarded?: boolean }, Promise<DispatchCounts>>;
  /**
   * What is done in the background, at most a hundred documents in a transaction: marks rows that have reached an age,
   * ends runs and turns whose job has died, deletes ledger entries that have expired, evicts rows.
   */
  sweep: RegisteredMutation<"internal", { job: SweepJob }, Promise<{ swept: number }>>;
  /** Reports rows, stale rows, failures and the ledger's size: `npx convex run lazy:inspect`. */
  inspect: RegisteredQuery<"internal", { ask?: Question }, Promise<InspectReport>>;
  /** For views of the mode `action`: computes. Export it only with such views. */
  act: RegisteredAction<"internal", { job: ActJob }, Promise<RecomputeOutcome>>;
  /**
   * For a cron: tries the way through the log stream (`inspect` reports how it went), and has rows recomputed that are
   * stale though a reader asked for them in the last hour, because an effect was lost or a job died. Export it with that
   * cron.
   */
  heartbeat: RegisteredAction<"internal", Record<string, never>, Promise<null>>;
  /** For the transport `client`: dispatches effects that clients forward. Export it only with that transport. */
  forward: RegisteredMutation<"public", { seals: string[] }, Promise<DispatchCounts>>;
}

export function internalFunctions(app: LazyApp): LazyFunctions {
  return {
    recompute: internalMutationGeneric({
      args: { job: v.any() },
      handler: async (ctx, { job }) => await recompute(app, ctx, job),
    }),
    dispatch: internalMutationGeneric({
      args: { effects: v.any(), areForwarded: v.optional(v.boolean()) },
      handler: async (ctx, { effects, ...options }) => await dispatchInMutation(app, ctx, effects, options),
    }),
    sweep: internalMutationGeneric({
      args: { job: v.any() },
      handler: async (ctx, { job }) => await sweep(app, ctx, job),
    }),
    inspect: internalQueryGeneric({
      args: { ask: v.optional(v.any()) },
      handler: async (ctx, { ask }) =>
        (ask === undefined ? await inspect(app, ctx) : await answer(app, ctx, ask)) as InspectReport,
    }),
    act: internalActionGeneric({
      args: { job: v.any() },
      handler: async (ctx, { job }) => await act(app, ctx, job),
    }),
    heartbeat: internalActionGeneric({ args: {}, handler: async (ctx) => await beat(app, ctx) }),
    forward: mutationGeneric({
      args: { seals: v.array(v.string()) },
      handler: async (ctx, { seals }) => {
        const { effects } = await openForwarded(seals);
        return await dispatchInChunks(effects, (chunk) =>
          ctx.runMutation(app.refs.dispatch, { effects: chunk, areForwarded: true }),
        );
      },
    }),
  };
}

async function sweep(app: LazyApp, ctx: AnyMutationCtx, job: SweepJob): Promise<{ swept: number }> {
  switch (job.kind) {
    case "due":
      return await sweepDue(app, ctx, job);
    case "evict":
      return await scanEvictable(app, ctx, job);
    case "backstop":
      return await scanForgotten(app, ctx, job);
    case "note":
      return await writeNote(lazyDb(ctx.db), job);
    default:
      return refuse(job);
  }
}

async function answer(app: LazyApp, ctx: AnyQueryCtx, ask: Question): Promise<unknown> {
  switch (ask.kind) {
    case "commits":
      return await commitsOf(ctx, app, ask.rows);
    case "due":
      return await dueDocuments(lazyDb(ctx.db), ask, () => isNearlyOut(ctx));
    case "evictable":
      return await findEvictable(app, ctx, ask.scan);
    case "forgotten":
      return await findForgotten(app, ctx, ask.scan);
    case "compute":
      return await answerRun(app, ctx, ask);
    case "canary":
      return await raiseCanary(pathOf(app, "sweep"), ask.sentAt);
    default:
      return refuse(ask);
  }
}
