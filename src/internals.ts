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
import { type AnyMutationCtx, dispatchInMutation, type LazyApp } from "./app.js";
import { readBackfill } from "./backfill.js";
import { findForgotten } from "./backstopping.js";
import { type DispatchCounts, dispatchInChunks } from "./effects/dispatch.js";
import type { LedgerReader } from "./effects/ledger.js";
import { dueDocuments, type SweepJob } from "./effects/sweep.js";
import { openForwarded } from "./effects/transports/client.js";
import { findEvictable } from "./evicting.js";
import type { DispatchArgs, FunctionName } from "./functions.js";
import { beat, raiseCanary } from "./health.js";
import { commitsOf, type InspectAnswer, type InspectArgs, inspect } from "./inspect.js";
import { isNearlyOut } from "./limits.js";
import type { RecomputeArgs, RecomputeOutcome } from "./recompute/recompute.js";
import { computeForRun, runAct, runRecompute } from "./recomputing.js";
import { runSweep } from "./sweeping.js";

/** The functions that an app exports for the library: `export const { … } = lazy.functions()`. */
export interface LazyFunctions {
  /** Recomputes one row. */
  recompute: RegisteredMutation<"internal", RecomputeArgs, Promise<RecomputeOutcome>>;
  /** Dispatches effects that left a query or action. It never writes to the console. */
  dispatch: RegisteredMutation<"internal", DispatchArgs, Promise<DispatchCounts>>;
  /**
   * What is done in the background, at most a hundred documents in a transaction: marks rows that have reached an age,
   * deletes ledger entries that have expired, evicts rows, takes the steps of backfills and of the heartbeat.
   */
  sweep: RegisteredMutation<"internal", SweepJob, Promise<{ swept: number }>>;
  /** Reports rows, stale rows, failures and the ledger's size: `npx convex run lazy:inspect`. */
  inspect: RegisteredQuery<"internal", InspectArgs, Promise<InspectAnswer>>;
  /** For views of the mode `action`: computes. Export it only with such views. */
  act: RegisteredAction<"internal", RecomputeArgs & { run: bigint }, Promise<RecomputeOutcome>>;
  /**
   * For a cron: tries the way through the log stream (`inspect` tells how it went); has rows recomputed that are stale
   * though a reader asked for their recompute in the last hour, because an effect was lost or a job died; and deletes
   * the rows of views and versions that are gone. Export it with that cron.
   */
  heartbeat: RegisteredAction<"internal", Record<string, never>, Promise<null>>;
  /** For the transport `client`: dispatches effects that clients forward. Export it only with that transport. */
  forward: RegisteredMutation<"public", { seals: string[] }, Promise<DispatchCounts>>;
}

const sweepArgs = {
  table: v.string(),
  sweepAt: v.number(),
  after: v.optional(v.number()),
  cursor: v.optional(v.string()),
};

/** What a run is about, and who asked for it. */
const runArgs = {
  view: v.string(),
  args: v.any(),
  byWrite: v.optional(v.boolean()),
  turn: v.optional(v.object({ index: v.number(), token: v.int64() })),
};

export function internalFunctions(app: LazyApp): LazyFunctions {
  return {
    recompute: internalMutationGeneric({
      args: {
        ...runArgs,
        run: v.optional(v.int64()),
        trailingAt: v.optional(v.number()),
        windowEndsAt: v.optional(v.number()),
        commit: v.optional(v.boolean()),
        computed: v.optional(v.any()),
        page: v.optional(v.any()),
        error: v.optional(v.string()),
        watchdog: v.optional(v.boolean()),
      },
      handler: async (ctx, job: RecomputeArgs) => await runRecompute(app, ctx, job),
    }),

    heartbeat: internalActionGeneric({
      args: {},
      handler: async (ctx) => await beat(app, ctx),
    }),

    act: internalActionGeneric({
      args: { ...runArgs, run: v.int64(), probes: v.optional(v.array(v.string())) },
      handler: async (ctx, job: RecomputeArgs & { run: bigint }) => await runAct(app, ctx, job),
    }),

    dispatch: internalMutationGeneric({
      args: {
        effects: v.array(
          v.object({
            target: v.string(),
            args: v.any(),
            windowMs: v.number(),
            key: v.optional(v.string()),
            seq: v.optional(v.number()),
            born: v.optional(v.number()),
          }),
        ),
        areForwarded: v.optional(v.boolean()),
      },
      handler: async (ctx, { effects, ...options }: DispatchArgs) =>
        await dispatchInMutation(app, ctx, effects, options),
    }),

    sweep: internalMutationGeneric({
      args: sweepArgs,
      handler: async (ctx, sweep: SweepJob) => await runSweep(app, ctx, sweep),
    }),

    forward: mutationGeneric({
      args: { seals: v.array(v.string()) },
      handler: async (ctx, { seals }: { seals: string[] }) => {
        const { effects } = await openForwarded(seals);
        return await dispatchInChunks(effects, (chunk) =>
          ctx.runMutation(app.refs.dispatch, { effects: chunk, areForwarded: true }),
        );
      },
    }),

    inspect: internalQueryGeneric({
      args: {
        commits: v.optional(v.array(v.object({ view: v.string(), key: v.string() }))),
        due: v.optional(v.object({ table: v.string(), sweepAt: v.number() })),
        evictable: v.optional(v.object(sweepArgs)),
        forgotten: v.optional(v.object(sweepArgs)),
        canary: v.optional(v.number()),
        backfill: v.optional(
          v.object({
            ...sweepArgs,
            cursor: v.union(v.string(), v.null()),
            numItems: v.number(),
          }),
        ),
        compute: v.optional(
          v.object({ view: v.string(), args: v.any(), run: v.int64(), next: v.optional(v.any()) }),
        ),
      },
      handler: async (ctx, args: InspectArgs) => {
        const { commits, due, evictable, forgotten, backfill, compute, canary } = args;
        if (canary !== undefined) return await raiseCanary(app, canary);
        if (evictable !== undefined) {
          return await findEvictable(app, ctx, evictable);
        }
        if (forgotten !== undefined) return await findForgotten(app, ctx, forgotten);
        if (backfill !== undefined) return await readBackfill(app, ctx, backfill);
        if (compute !== undefined) return await computeForRun(app, ctx, compute);
        if (commits !== undefined) return await commitsOf(ctx, app.views, commits);
        if (due !== undefined) {
          const db = ctx.db as unknown as LedgerReader;
          return await dueDocuments(db, due, () => isNearlyOut(ctx));
        }
        await checkModule(app, ctx.meta, "inspect");
        return await inspect(ctx, {
          views: app.views,
          recompute: app.refs.path("recompute"),
          hasLogStream: app.transports.has("logStream"),
        });
      },
    }),
  };
}

/** @throws Error with the remedy, when the app exports the function in another module than it says. */
async function checkModule(
  app: LazyApp,
  meta: Pick<AnyMutationCtx["meta"], "getFunctionMetadata">,
  name: FunctionName,
): Promise<void> {
  const { name: actual } = await meta.getFunctionMetadata();
  if (actual === app.refs.path(name)) return;
  throw new Error(
    `This function runs as ${actual}, but new LazyViews({ module: "${app.module}" }) makes the library call ` +
      `${app.refs.path(name)}: set module to "${actual.split(":")[0]}".`,
  );
}
