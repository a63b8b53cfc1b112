import {
  internalMutationGeneric,
  internalQueryGeneric,
  type RegisteredMutation,
  type RegisteredQuery,
} from "convex/server";
import { type GenericId, v } from "convex/values";
import {
  type AnyMutationCtx,
  dispatchInMutation,
  type LazyApp,
  ledgerOf,
  snapshot,
} from "./app.js";
import { runMutation } from "./builders.js";
import type { DispatchCounts } from "./effects/dispatch.js";
import type { Effect } from "./effects/effect.js";
import type { LedgerReader } from "./effects/ledger.js";
import { deleteExpired, expiredEntries, finishSweep, SWEEP_BATCH } from "./effects/sweep.js";
import type { FunctionName } from "./functions.js";
import { type InspectArgs, type InspectReport, inspect, seqsOf } from "./inspect.js";
import { computeAndCommit } from "./recompute/commit.js";
import { type RecomputeArgs, type RecomputeOutcome, recompute } from "./recompute/recompute.js";
import type { ViewDefinition } from "./views/definition.js";
import { toKey } from "./views/keys.js";

/** The functions that an app exports for the library: `export const { … } = lazy.functions()`. */
export interface LazyFunctions {
  /** Recomputes one row. */
  recompute: RegisteredMutation<"internal", RecomputeArgs, Promise<RecomputeOutcome>>;
  /** Dispatches effects that left a query or action. It never writes to the console. */
  dispatch: RegisteredMutation<"internal", { effects: Effect[] }, Promise<DispatchCounts>>;
  /** Deletes ledger entries that have expired, a hundred in a transaction. */
  sweep: RegisteredMutation<"internal", { sweepAt: number }, Promise<{ deleted: number }>>;
  /** Reports rows, stale rows, failures and the ledger's size: `npx convex run lazy:inspect`. */
  inspect: RegisteredQuery<"internal", InspectArgs, Promise<InspectReport | unknown[]>>;
}

export function internalFunctions(app: LazyApp): LazyFunctions {
  return {
    recompute: internalMutationGeneric({
      args: {
        view: v.string(),
        args: v.any(),
        trailingAt: v.optional(v.number()),
        commit: v.optional(v.boolean()),
      },
      handler: async (outer, job: RecomputeArgs) =>
        (await runMutation(app, outer, async (ctx, lazy) => {
          if (job.commit) {
            const view = app.views.get(job.view) as ViewDefinition;
            await computeAndCommit(ctx, view, toKey(view, job.args), lazy.marks);
            return "committed";
          }
          const ledger = ledgerOf(app, outer);
          return await recompute(
            { ctx, ledger, views: app.views, self: app.refs.path("recompute") },
            job,
          );
        })) as RecomputeOutcome,
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
          }),
        ),
      },
      handler: async (ctx, { effects }: { effects: Effect[] }) =>
        await dispatchInMutation(app, ctx, effects),
    }),

    sweep: internalMutationGeneric({
      args: { sweepAt: v.number() },
      handler: async (ctx, { sweepAt }: { sweepAt: number }) => {
        const now = Date.now();
        const expired = await snapshot(app, ctx, { expiredBy: now });
        const ledger = ledgerOf(app, ctx);
        const deleted = await deleteExpired(ledger.db, expired as GenericId<"lazyEffects">[], now);
        if (expired.length < SWEEP_BATCH) await finishSweep(ledger.db, sweepAt);
        else await ctx.scheduler.runAfter(0, app.refs.sweep, { sweepAt });
        return { deleted };
      },
    }),

    inspect: internalQueryGeneric({
      args: {
        seqs: v.optional(v.array(v.object({ view: v.string(), key: v.string() }))),
        expiredBy: v.optional(v.number()),
      },
      handler: async (ctx, { seqs, expiredBy }: InspectArgs) => {
        if (seqs !== undefined) return await seqsOf(ctx, app.views, seqs);
        if (expiredBy !== undefined) {
          return await expiredEntries(ctx.db as unknown as LedgerReader, expiredBy);
        }
        await checkModule(app, ctx.meta, "inspect");
        return await inspect(ctx, app.views, app.refs.path("recompute"));
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
