import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { Value } from "convex/values";
import { sweepTime } from "../effects/sweep.js";
import { ageFields, sweepSpan } from "../staleness/age.js";
import { evictionSweep } from "../staleness/eviction.js";
import { markOf } from "../staleness/invalidate.js";
import { judgeNew } from "../staleness/judge.js";
import type { LazyMutationContext } from "../views/context.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";
import { readOnly } from "../views/readOnly.js";
import { findRow, type StoredRow } from "../views/rows.js";
import type { Row } from "../views/viewTable.js";
import { type Computed, computeValue } from "./value.js";

/** Who asked for a recompute: a reader renews the row's lease. */
export type AskedBy = "reader" | "write" | "app";

/**
 * Computes a key's value and commits it as its row, in one transaction: a source that changes meanwhile makes
 * Convex run one of the two again, so no change is lost.
 *
 * @param lazy.marks - What this mutation has marked: the key stays marked only by a write made while `compute` ran.
 * @param lazy.writes - Such writes, which may not have come to the mark yet.
 * @returns The value.
 * @throws What `compute` throws; or an Error when the value does not fit the view, or when the view's own
 * predicate still calls the new row stale.
 */
export async function computeAndCommit(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  lazy: LazyMutationContext,
  askedBy: AskedBy,
): Promise<unknown> {
  const mark = markOf(view, key);
  lazy.marks.forget(mark);
  const isWritten = lazy.writes.watch(Object.keys(view.sources));
  const computed = await computeValue(readOnly(ctx), view, key);
  const row = await findRow(ctx.db, view, key.text);
  // A write of this very mutation, made meanwhile: its change may not be in the value.
  const kept = () => (isWritten() || lazy.marks.mayBeMarked(mark) ? { dirtyAt: Date.now() } : {});
  await writeRow(ctx, { view, key, row, computed, askedBy, kept }, lazy);
  return computed.value;
}

/** A row that is committed. */
export interface Commit {
  view: ViewDefinition;
  key: Key;
  /** The row as it is, if there is one. */
  row: StoredRow | null;
  computed: Computed;
  askedBy: AskedBy;
  /** The mark of a change that may not be in the value, asked for when the row is written, and once it is. */
  kept(): Pick<Row, "dirtyAt" | "pending">;
}

/** @throws Error when the view's own predicate calls the new row stale, or the row is too large. */
export async function writeRow(
  ctx: GenericMutationCtx<GenericDataModel>,
  { view, key, row, computed, askedBy, kept }: Commit,
  { sweepAt }: Pick<LazyMutationContext, "sweepAt">,
): Promise<void> {
  const computedAt = Date.now();
  const { expiresAt } = ageFields(view.staleWhen.ages, computedAt, computedAt);
  const askedAt = askedBy === "reader" ? computedAt : row?.askedAt;
  const isRenewed = askedBy === "reader" && view.leaseMs !== undefined;
  const leaseUntil = isRenewed ? computedAt + (view.leaseMs as number) : row?.leaseUntil;
  const next: Row<Value, Value> = {
    key: key.text,
    args: key.args,
    value: computed.value as Value,
    seq: (row?.seq ?? 0) + 1,
    version: computed.version,
    asOf: computed.asOf,
    computedAt,
    ...(computed.probes === undefined ? {} : { probes: computed.probes }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(askedAt === undefined ? {} : { askedAt }),
    ...(leaseUntil === undefined ? {} : { leaseUntil }),
  };
  const verdict = await judgeNew(readOnly(ctx), view, next);
  if (verdict !== "fresh") {
    throw new Error(
      `view "${view.name}": staleWhen calls the row ${verdict} right after it was computed. ` +
        "A predicate must call a new row fresh, or it would be recomputed for ever.",
    );
  }
  const stored = { ...next, ...kept() };
  const id = row?._id ?? (await ctx.db.insert(view.name, stored));
  if (row !== null) await ctx.db.replace(view.name, id, stored);
  // Where the view is itself a source, the write may have waited for others.
  const { dirtyAt } = kept();
  if (stored.dirtyAt === undefined && dirtyAt !== undefined) {
    await ctx.db.patch(view.name, id, { dirtyAt });
  }
  if (expiresAt !== undefined) {
    const span = sweepSpan(expiresAt - computedAt);
    await sweepAt({ table: view.name, sweepAt: sweepTime(expiresAt, span) });
  }
  const eviction = evictionSweep(view, computedAt);
  if (eviction !== null) await sweepAt(eviction);
}
