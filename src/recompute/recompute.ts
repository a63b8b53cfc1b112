import {
  type FunctionReference,
  type FunctionVisibility,
  type GenericDataModel,
  type GenericMutationCtx,
  makeFunctionReference,
} from "convex/server";
import type { Value } from "convex/values";
import { canonicalText } from "../effects/canonical.js";
import { isAhead } from "../effects/clock.js";
import { MAX_BACKOFF_MS } from "../effects/dispatch.js";
import { findEntry, type LedgerCtx, type LedgerEntry, writeEntry } from "../effects/ledger.js";
import { judge } from "../staleness/judge.js";
import { letReadersAsk } from "../staleness/pending.js";
import type { ViewDefinition } from "../views/definition.js";
import { type Key, toKey } from "../views/keys.js";
import { readOnly } from "../views/readOnly.js";
import { findRow, type StoredRow } from "../views/rows.js";
import { limitsWithReserve } from "./limits.js";
import type { Page } from "./paged.js";
import { recordClean, recordConsumed, recordFailure, recordSuccess } from "./retry.js";
import { beginRun } from "./run.js";
import type { Turn } from "./turns.js";
import type { Computed } from "./value.js";

/** The arguments of the mutation `recompute`. */
export type RecomputeArgs = {
  view: string;
  /** The key object. */
  args: Record<string, Value>;
  /** Set when the job was put off to the end of a window, or of a backoff: that time, in ms since 1970. */
  trailingAt?: number;
  /** Set when the job was to start at once: the end of the window that was opened for it, in ms since 1970. */
  windowEndsAt?: number;
  /** Set when a write asked for it, because the row is leased. */
  byWrite?: boolean;
  /** The turn that the job has, of a view with `maxParallel`. */
  turn?: Turn;
  /** Set in the sub-transaction, which computes and commits. */
  commit?: boolean;
  /** The run that this job goes on with; the other fields are only set with it. */
  run?: bigint;
  /** What the run has found out … */
  computed?: Computed;
  /** … or the page that it has read … */
  page?: Page;
  /** … or why its action failed. */
  error?: string;
  /** What the probes said when an action began. */
  probes?: string[];
  /** Set in the job that ends the run, or the turn, should it have died. */
  watchdog?: boolean;
};

/**
 * What became of a recompute.
 * - `committed`: the row has a new value.
 * - `queued`: the job has to wait for its turn, or to be scheduled again with it.
 * - `begun`: a run has been scheduled, which ends in another job.
 * - `clean`: another commit was there first, and the row is fresh.
 * - `overtaken`: another job has taken this one's place.
 * - `failed`: the old value stays; the ledger remembers why, and when it is tried again.
 */
export type RecomputeOutcome = "committed" | "queued" | "begun" | "clean" | "overtaken" | "failed";

export interface RecomputeCtx {
  ctx: GenericMutationCtx<GenericDataModel>;
  ledger: LedgerCtx;
  views: ReadonlyMap<string, ViewDefinition>;
  /** Function path of this very mutation. */
  self: string;
  /** Function path of the action that computes. */
  act: string;
  /** The ledger's key of a recompute. */
  ledgerText(work: { view: string; args: Record<string, Value> }): string;
}

/**
 * One run of the mutation `recompute`.
 *
 * 1. Another window was opened since the job's own, whose job is another; or another job failed meanwhile, and its
 *    backoff is not over → overtaken.
 * 2. The view is not in the code any more, or the key does not fit it → failed, without a retry.
 * 3. A run of the row is under way → overtaken: its end lets readers ask again. Only a paged run whose page failed
 *    goes on from there.
 *    The row is fresh → clean. Whatever effect led here saw it otherwise; the next one is news.
 *    Either way the ledger is told that the job which was put off has run.
 * 4. A job that was put off, or starts after its window, opens its own window. The ledger knows from now on which
 *    commit this recompute saw: the effect may have been from before an eviction.
 * 5. Begin a run, when the view computes outside of one transaction; else
 *    compute and commit in a sub-transaction. It may use up all but a reserve of this transaction's limits, so
 *    that a compute that exceeds them can still be remembered as failed.
 * 6. It threw → its writes are rolled back; remember the failure and schedule the retry. Readers may ask again.
 */
export async function recompute(
  recomputeCtx: RecomputeCtx,
  job: RecomputeArgs,
  resume: (job: RecomputeArgs) => Promise<RecomputeOutcome>,
): Promise<RecomputeOutcome> {
  const { ctx, ledger, views, self } = recomputeCtx;
  const view = views.get(job.view);
  const work = { view: job.view, args: job.args };
  const ledgerText = recomputeCtx.ledgerText(work);
  const entry = await findEntry(ledger.db, ledgerText);
  const ownWindow = job.trailingAt ?? job.windowEndsAt;
  if (ownWindow !== undefined && entry !== null && entry.windowEndsAt !== ownWindow) {
    return "overtaken";
  }
  const restMs = MAX_BACKOFF_MS + (view?.windowMs ?? 0);
  if (entry?.failure !== undefined && isAhead(entry.failure.retryAt, Date.now(), restMs)) {
    return "overtaken";
  }
  const asked = job.byWrite ? { ...work, byWrite: true } : work;
  const fail = async (error: unknown, retry: boolean, current: LedgerEntry | null) => {
    const failed = { key: ledgerText, target: self, args: asked, retry };
    await recordFailure(ledger, failed, current, error);
    return "failed" as const;
  };
  if (view === undefined) {
    await releaseReaders(ctx, job);
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
    await releaseReaders(ctx, job);
    return await fail(error, false, entry);
  }
  const row = await findRow(ctx.db, view, key.text);
  const underWay = row?.refreshing;
  // The entry's job is this one, unless another was put off while this one, which was to start at once, was late.
  const isPutOff = job.trailingAt !== undefined;
  if (underWay !== undefined && (view.mode !== "paged" || entry?.failure === undefined)) {
    if (isPutOff) await recordConsumed(ledger, entry);
    return "overtaken";
  }
  if (row !== null && underWay === undefined && (await isFresh(ctx, view, row))) {
    await letReadersAsk(ctx.db, view, row);
    await recordClean(ledger, entry, isPutOff);
    return "clean";
  }

  let current = entry;
  const now = Date.now();
  const seq = row?.seq ?? 0;
  const initial = { key: ledgerText, target: self };
  const isLate = job.windowEndsAt !== undefined && job.windowEndsAt <= now;
  if (isPutOff || isLate) {
    const windowEndsAt = now + view.windowMs;
    await writeEntry(ledger, entry, initial, { windowEndsAt, trailingJob: undefined, seq });
    current = await findEntry(ledger.db, ledgerText);
  } else if (entry !== null && entry.seq !== seq) {
    await writeEntry(ledger, entry, initial, { windowEndsAt: entry.windowEndsAt, seq });
  }
  const taken = job.turn === undefined ? asked : { ...asked, turn: job.turn };
  if (underWay !== undefined) return await resume({ ...taken, run: underWay.token });
  if (view.mode !== "transaction") return await beginRun(recomputeCtx, view, key, row, taken);
  try {
    const reference: FunctionReference<"mutation", FunctionVisibility, RecomputeArgs> =
      makeFunctionReference(self);
    const transactionLimits = await limitsWithReserve(ctx);
    await ctx.runMutation(reference, { ...asked, commit: true }, { transactionLimits });
  } catch (error) {
    if (row !== null) await letReadersAsk(ctx.db, view, row);
    return await fail(error, true, current);
  }
  await recordSuccess(ledger, current);
  return "committed";
}

/**
 * Nothing will recompute the row, as its view is not in the code, or its key does not fit it. Should they come back,
 * its readers must ask.
 */
async function releaseReaders(ctx: RecomputeCtx["ctx"], { view: name, args }: RecomputeArgs) {
  try {
    const row = await findRow(ctx.db, { name }, canonicalText(args));
    if (row !== null) await letReadersAsk(ctx.db, { name }, row);
  } catch {
    // The table is not in the schema any more.
  }
}

async function isFresh(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  row: StoredRow,
): Promise<boolean> {
  try {
    return (await judge(readOnly(ctx), view, row)) === "fresh";
  } catch {
    return false; // The commit judges the new row again, and says what is wrong.
  }
}
