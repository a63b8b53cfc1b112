import {
  type FunctionReference,
  type FunctionVisibility,
  type GenericDatabaseReader,
  type GenericDataModel,
  type GenericMutationCtx,
  makeFunctionReference,
  type TransactionLimits,
} from "convex/server";
import type { Value } from "convex/values";
import { canonicalText } from "../effects/canonical.js";
import { isAhead } from "../effects/clock.js";
import { findEntry } from "../effects/ledger.js";
import { begunAt, lookField } from "../staleness/backstop.js";
import { probeTexts } from "../staleness/judge.js";
import type { LazyMutationContext } from "../views/context.js";
import type { ViewDefinition } from "../views/definition.js";
import { type Key, toKey } from "../views/keys.js";
import { readOnly } from "../views/readOnly.js";
import { findRow, keyOfRow, type StoredRow } from "../views/rows.js";
import type { Refreshing } from "../views/viewTable.js";
import { writeRow } from "./commit.js";
import { limitsWithReserve } from "./limits.js";
import { endPages, findRun, type Page, shrinkPage, startPages, takePage } from "./paged.js";
import type { RecomputeArgs, RecomputeCtx, RecomputeOutcome } from "./recompute.js";
import { recordFailure, recordSuccess } from "./retry.js";
import { type Computed, checkValue } from "./value.js";

/**
 * Asks in a stale snapshot for the value, or for the page that comes next. Null when the snapshot does not show the
 * run.
 */
export type RunQuestions = (
  progress: { cursor: string | null; numItems: number } | null,
  transactionLimits: TransactionLimits,
) => Promise<{ computed: Computed } | { page: Page } | null>;

/*
 * A recompute outside one transaction is a run: begin → compute → commit.
 *
 * The mark of the row is taken away *before* the sources are read: a change that comes later marks the row anew, and
 * that mark outlives the commit. While the run lasts its row says so in `refreshing`, and its readers ask for
 * nothing. However the run ends, the row is written: its subscribers run again, and ask if there is need.
 */

/** How long a run waits that was given too old a snapshot. */
const RETRY_SNAPSHOT_MS = 250;

/** What stands in the row of a key that has no value yet, while its first run lasts. */
const PLACEHOLDER = { value: null, seq: 0 } as const;

/**
 * Begins a run: takes the mark away, names the run in the row, and schedules its work, and a watchdog that ends it
 * should it die.
 */
export async function beginRun(
  { ctx, self, act }: RecomputeCtx,
  view: ViewDefinition,
  key: Key,
  row: StoredRow | null,
  asked: RecomputeArgs,
): Promise<RecomputeOutcome> {
  const token = ctx.meta.getSnapshotTs();
  const job: RecomputeArgs = { ...asked, run: token };
  const watchdog = await ctx.scheduler.runAfter(view.timeoutMs, reference(self), {
    ...job,
    watchdog: true,
  });
  const refreshing = {
    token,
    watchdog,
    ...(row?.dirtyAt === undefined ? {} : { dirtyAt: row.dirtyAt }),
  };
  const askedNow = asked.byWrite ? {} : { askedAt: Date.now() };
  if (row === null) {
    const stamps = { version: view.version, asOf: token, computedAt: Date.now() };
    const placeholder = { key: key.text, args: key.args, ...PLACEHOLDER, ...stamps, refreshing };
    const look = lookField(view, { refreshing }, Date.now());
    const first = { ...placeholder, ...askedNow, ...look };
    await ctx.db.insert(view.name, first as Record<string, Value>);
  } else {
    const taken = { dirtyAt: undefined, dirtySince: undefined, pending: undefined };
    const look = lookField(view, { ...row, refreshing }, Date.now());
    await ctx.db.patch(view.name, row._id, { ...taken, ...askedNow, ...look, refreshing });
  }
  if (view.mode === "snapshot") await ctx.scheduler.runAfter(0, reference(self), job);
  else {
    const probes = await probeTexts(readOnly(ctx), view, key.args);
    if (view.mode === "paged") {
      await startPages(ctx.db, view, key, { run: token, probes });
      await ctx.scheduler.runAfter(0, reference(self), job);
    } else {
      const work = probes === undefined ? job : { ...job, probes };
      await ctx.scheduler.runAfter(0, makeFunctionReference<"action">(act), work);
    }
  }
  return "begun";
}

/**
 * Goes on with a run.
 *
 * 1. The view is not in the code any more, or the key does not fit it → given up, so that nothing waits for the run
 *    should they come back. The row names another run, or none → overtaken: somebody else has committed the row, or
 *    this run was given up.
 * 2. The watchdog → given up, unless pages have come in meanwhile. An action that threw, and pages of which the first
 *    were taken in by another version → given up.
 * 3. Without a value yet: compute it, or the next page of it, in a stale snapshot. One from before the begin is too
 *    old → try again soon.
 * 4. Commit the row, or the page, in a sub-transaction. After a page that is not the last → go on with the next.
 * 5. It threw → given up: the mark is put back, the failure remembered, the retry scheduled. A paged run stays where
 *    it is, and the retry goes on from there.
 */
export async function continueRun(
  recomputeCtx: RecomputeCtx,
  job: RecomputeArgs,
  inSnapshot: RunQuestions,
): Promise<RecomputeOutcome> {
  const { ctx, ledger, views, self } = recomputeCtx;
  const view = views.get(job.view);
  const key = view && keyOf(view, job.args);
  if (view === undefined || key === undefined) return await giveUpUnknown(recomputeCtx, job);
  const row = await findRow(ctx.db, view, key.text);
  const progress = view.mode === "paged" ? await findRun(ctx.db, view, key) : null;
  if (row?.refreshing === undefined || row.refreshing.token !== job.run) {
    if (progress?.run === job.run) await endPages(ctx.db, view, key);
    return "overtaken";
  }
  if (job.watchdog) {
    const dueAt = (progress?.updatedAt ?? 0) + view.timeoutMs;
    if (isAhead(dueAt, Date.now(), view.timeoutMs)) {
      return await watchOn(recomputeCtx, view, row, job);
    }
    const after = `${view.timeoutMs / 1_000} s`;
    return await giveUp(recomputeCtx, view, row, job, `the run did not end within ${after}`);
  }
  if (job.error !== undefined) return await giveUp(recomputeCtx, view, row, job, job.error);
  if (progress !== null && progress.version !== view.version) {
    const deployed = `version ${view.version} was deployed while version ${progress.version} was computed`;
    return await giveUp(recomputeCtx, view, row, job, deployed);
  }
  try {
    const transactionLimits = await limitsWithReserve(ctx);
    const found: Pick<RecomputeArgs, "computed" | "page"> | null =
      job.computed !== undefined
        ? { computed: job.computed }
        : await inSnapshot(progress, transactionLimits);
    if (found === null) {
      await ctx.scheduler.runAfter(RETRY_SNAPSHOT_MS, reference(self), job);
      return "begun";
    }
    const commit = { ...job, ...found, commit: true };
    const outcome = await ctx.runMutation(reference(self), commit, { transactionLimits });
    if (outcome === "begun") {
      await ctx.scheduler.runAfter(0, reference(self), job);
      const entry = await findEntry(ledger.db, ledgerTextOf(recomputeCtx, job));
      await recordSuccess(ledger, entry);
      return "begun";
    }
  } catch (error) {
    if (progress === null) return await giveUp(recomputeCtx, view, row, job, error);
    await shrinkPage(ctx.db, view, key);
    return await rememberFailure(recomputeCtx, job, error);
  }
  await ctx.scheduler.cancel(row.refreshing.watchdog);
  await recordSuccess(ledger, await findEntry(ledger.db, ledgerTextOf(recomputeCtx, job)));
  return "committed";
}

/**
 * The commit of a run, or of one of its pages, in its sub-transaction. A mark that was set since the begin stays; when
 * it is pending, the row's readers are silent, so the follow-up is scheduled here.
 *
 * @returns `begun` when there are more pages to come.
 */
export async function commitRun(
  ctx: RecomputeCtx["ctx"],
  lazy: LazyMutationContext,
  view: ViewDefinition,
  key: Key,
  job: RecomputeArgs & { run: bigint },
): Promise<RecomputeOutcome> {
  const row = await findRow(ctx.db, view, key.text);
  let { computed } = job;
  if (job.page !== undefined) {
    const finished = await takePage(ctx.db, view, key, job.page);
    if (finished === undefined) return "begun";
    const { version } = view;
    computed = { ...finished, value: checkValue(view, finished.value), version, asOf: job.run };
    await endPages(ctx.db, view, key);
  }
  if (row === null || computed === undefined) return "overtaken";
  const { dirtyAt, pending } = row;
  const next = { ...row, seq: row.seq + 1 };
  const isFollowedUp = pending === true && (await lazy.recomputeSoon(view, key, next));
  const kept = () => ({
    ...(dirtyAt === undefined ? {} : { dirtyAt }),
    ...(isFollowedUp ? { pending: true as const } : {}),
  });
  const askedBy = job.byWrite ? "write" : "reader";
  await writeRow(ctx, { view, key, row, computed, askedBy, kept }, lazy);
  return "committed";
}

/** Pages have come in since the watchdog was set: it is set again. */
async function watchOn(
  { ctx, self }: RecomputeCtx,
  view: ViewDefinition,
  row: StoredRow,
  job: RecomputeArgs,
): Promise<RecomputeOutcome> {
  const watchdog = await ctx.scheduler.runAfter(view.timeoutMs, reference(self), job);
  const refreshing = { ...(row.refreshing as Refreshing), watchdog };
  await ctx.db.patch(view.name, row._id, { refreshing });
  return "begun";
}

/** Ends a run without a value, remembers why, and schedules the next attempt. */
async function giveUp(
  recomputeCtx: RecomputeCtx,
  view: ViewDefinition,
  row: StoredRow,
  job: RecomputeArgs,
  error: unknown,
): Promise<RecomputeOutcome> {
  const { ctx } = recomputeCtx;
  await endRun(ctx.db, view, row);
  if (!job.watchdog && row.refreshing !== undefined) {
    await ctx.scheduler.cancel(row.refreshing.watchdog);
  }
  return await rememberFailure(recomputeCtx, job, error);
}

/** After the run: the row is as it was before, and its readers may ask. */
export async function endRun(
  db: GenericMutationCtx<GenericDataModel>["db"],
  view: Pick<ViewDefinition, "name">,
  row: StoredRow,
): Promise<void> {
  await endPages(db, view, keyOfRow(row));
  if (row.seq === PLACEHOLDER.seq) await db.delete(view.name, row._id);
  else {
    const dirtyAt = row.dirtyAt ?? row.refreshing?.dirtyAt;
    await db.patch(view.name, row._id, { refreshing: undefined, pending: undefined, dirtyAt });
  }
}

/** The run of a view that the code does not have, or of a key that does not fit it. */
async function giveUpUnknown(
  { ctx }: RecomputeCtx,
  { view: name, args, run }: RecomputeArgs,
): Promise<RecomputeOutcome> {
  try {
    const row = await findRow(ctx.db, { name }, canonicalText(args));
    if (row?.refreshing?.token === run) await endRun(ctx.db, { name }, row as StoredRow);
  } catch {
    // The table is not in the schema any more.
  }
  return "overtaken";
}

function keyOf(view: ViewDefinition, args: unknown): Key | undefined {
  try {
    return toKey(view, args);
  } catch {
    return undefined;
  }
}

async function rememberFailure(
  recomputeCtx: RecomputeCtx,
  job: RecomputeArgs,
  error: unknown,
): Promise<RecomputeOutcome> {
  const { ledger, self } = recomputeCtx;
  const key = ledgerTextOf(recomputeCtx, job);
  const { view: name, args, byWrite } = job;
  const asked = { view: name, args, ...(byWrite === undefined ? {} : { byWrite }) };
  const entry = await findEntry(ledger.db, key);
  await recordFailure(ledger, { key, target: self, args: asked, retry: true }, entry, error);
  return "failed";
}

function ledgerTextOf({ ledgerText }: RecomputeCtx, { view, args }: RecomputeArgs): string {
  return ledgerText({ view, args });
}

function reference(path: string): FunctionReference<"mutation", FunctionVisibility, RecomputeArgs> {
  return makeFunctionReference(path);
}

/** When the run of a row has begun, or has last taken in a page, in ms since 1970; 0 when there is none. */
export async function signOfLife(
  db: GenericDatabaseReader<GenericDataModel>,
  view: ViewDefinition,
  row: StoredRow,
): Promise<number> {
  if (row.refreshing === undefined) return 0;
  const run = view.mode === "paged" ? await findRun(db, view, keyOfRow(row)) : null;
  return run?.updatedAt ?? begunAt(row.refreshing);
}
