import {
  type FunctionReference,
  type FunctionVisibility,
  type GenericDataModel,
  type GenericMutationCtx,
  makeFunctionReference,
  type TransactionLimits,
} from "convex/server";
import type { Value } from "convex/values";
import { ledgerKey } from "../effects/effect.js";
import { findEntry, type LedgerCtx, type LedgerEntry, writeEntry } from "../effects/ledger.js";
import { judge } from "../staleness/judge.js";
import type { ViewDefinition } from "../views/definition.js";
import { type Key, toKey } from "../views/keys.js";
import { readOnly } from "../views/readOnly.js";
import { findRow } from "../views/rows.js";
import { recordFailure, recordSuccess } from "./retry.js";

/** The arguments of the mutation `recompute`. */
export type RecomputeArgs = {
  view: string;
  /** The key object. */
  args: Record<string, Value>;
  /** Set when the job was put off to the end of a window, or of a backoff: that time, in ms since 1970. */
  trailingAt?: number;
  /** Set in the sub-transaction, which computes and commits. */
  commit?: boolean;
};

/**
 * What became of a recompute.
 * - `committed`: the row has a new value.
 * - `clean`: another commit was there first, and the row is fresh.
 * - `overtaken`: another job has taken this one's place.
 * - `failed`: the old value stays; the ledger remembers why, and when it is tried again.
 */
export type RecomputeOutcome = "committed" | "clean" | "overtaken" | "failed";

export interface RecomputeCtx {
  ctx: GenericMutationCtx<GenericDataModel>;
  ledger: LedgerCtx;
  views: ReadonlyMap<string, ViewDefinition>;
  /** Function path of this very mutation. */
  self: string;
}

/**
 * One run of the mutation `recompute`.
 *
 * 1. Put off to a window's end, and somebody has opened a window since; or another job failed meanwhile, and its
 *    backoff is not over → overtaken.
 * 2. The view is not in the code any more, or the key does not fit it → failed, without a retry.
 * 3. The row is fresh → clean.
 * 4. A job that was put off opens its own window.
 * 5. Compute and commit in a sub-transaction. It may use up all but a reserve of this transaction's limits, so
 *    that a compute that exceeds them can still be remembered as failed.
 * 6. It threw → its writes are rolled back; remember the failure and schedule the retry.
 */
export async function recompute(
  { ctx, ledger, views, self }: RecomputeCtx,
  job: RecomputeArgs,
): Promise<RecomputeOutcome> {
  const view = views.get(job.view);
  const work = { view: job.view, args: job.args };
  const ledgerText = ledgerKey({ target: self, args: work, windowMs: 0 });
  const entry = await findEntry(ledger.db, ledgerText);
  if (job.trailingAt !== undefined && entry !== null && entry.windowEndsAt !== job.trailingAt) {
    return "overtaken";
  }
  if (entry?.failure !== undefined && entry.failure.retryAt > Date.now()) return "overtaken";
  const fail = async (error: unknown, retry: boolean, current: LedgerEntry | null) => {
    const failed = { key: ledgerText, target: self, args: work, retry };
    await recordFailure(ledger, failed, current, error);
    return "failed" as const;
  };
  if (view === undefined) {
    return await fail(
      new Error(`view "${job.view}" is not among the views of new LazyViews().`),
      false,
      entry,
    );
  }
  let key: Key;
  try {
    key = toKey(view, job.args);
  } catch (error) {
    return await fail(error, false, entry);
  }
  if (await isFresh(ctx, view, key)) {
    await recordSuccess(ledger, entry);
    return "clean";
  }

  let current = entry;
  if (job.trailingAt !== undefined) {
    const windowEndsAt = Date.now() + view.windowMs;
    const initial = { key: ledgerText, target: self };
    await writeEntry(ledger, entry, initial, { windowEndsAt, trailingJob: undefined });
    current = await findEntry(ledger.db, ledgerText);
  }
  try {
    const reference: FunctionReference<"mutation", FunctionVisibility, RecomputeArgs> =
      makeFunctionReference(self);
    const transactionLimits = await limitsWithReserve(ctx);
    await ctx.runMutation(reference, { ...work, commit: true }, { transactionLimits });
  } catch (error) {
    return await fail(error, true, current);
  }
  await recordSuccess(ledger, current);
  return "committed";
}

async function isFresh(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
): Promise<boolean> {
  const row = await findRow(ctx.db, view, key.text);
  if (row === null) return false;
  try {
    return (await judge(readOnly(ctx), view, row)) === "fresh";
  } catch {
    return false; // The commit judges the new row again, and says what is wrong.
  }
}

/** What a transaction must have left to remember a failure. */
const RESERVE = {
  bytesRead: 1 << 20,
  bytesWritten: 1 << 20,
  documentsRead: 100,
  documentsWritten: 100,
  databaseQueries: 50,
  functionsScheduled: 10,
  scheduledFunctionArgsBytes: 1 << 20,
};

async function limitsWithReserve(
  ctx: GenericMutationCtx<GenericDataModel>,
): Promise<TransactionLimits> {
  const metrics = await ctx.meta.getTransactionMetrics();
  const limits: TransactionLimits = {};
  for (const name of Object.keys(RESERVE) as (keyof typeof RESERVE)[]) {
    limits[name] = Math.max(metrics[name].remaining - RESERVE[name], 0);
  }
  return limits;
}
