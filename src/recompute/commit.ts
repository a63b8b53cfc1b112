import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { Value } from "convex/values";
import { canonicalText } from "../effects/canonical.js";
import { markOf } from "../staleness/invalidate.js";
import { judge, probeTexts } from "../staleness/judge.js";
import type { Marks } from "../staleness/marks.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";
import { readOnly } from "../views/readOnly.js";
import { findRow } from "../views/rows.js";
import type { Row } from "../views/viewTable.js";

/**
 * Computes a key's value and commits it as its row, in one transaction: a source that changes meanwhile makes
 * Convex run one of the two again, so no change is lost.
 *
 * @param marks - What this mutation has marked: the key stays marked only by a write made while `compute` ran.
 * @returns The value.
 * @throws What `compute` throws; or an Error when the value does not fit the view, or when the view's own
 * predicate still calls the new row stale.
 */
export async function computeAndCommit(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  marks: Marks,
): Promise<unknown> {
  const reader = readOnly(ctx);
  const mark = markOf(view, key);
  marks.forget(mark);
  const value = view.checkValue(await view.compute(reader, key.args as never));
  canonicalText(value, `view "${view.name}": value`);
  const probes = await probeTexts(reader, view, key.args);
  const row = await findRow(ctx.db, view, key.text);
  const next: Row<Value, Value> = {
    key: key.text,
    args: key.args,
    value: value as Value,
    seq: (row?.seq ?? 0) + 1,
    version: view.version,
    asOf: ctx.meta.getSnapshotTs(),
    computedAt: Date.now(),
    ...(probes === undefined ? {} : { probes }),
  };
  const verdict = await judge(reader, view, next);
  if (verdict !== "fresh") {
    throw new Error(
      `view "${view.name}": staleWhen calls the row ${verdict} right after it was computed. ` +
        "A predicate must call a new row fresh, or it would be recomputed for ever.",
    );
  }
  // A write of this very mutation, made while compute ran: its change may not be in the value.
  const stored = marks.has(mark) ? { ...next, dirtyAt: Date.now() } : next;
  if (row === null) await ctx.db.insert(view.name, { ...stored });
  else await ctx.db.replace(view.name, row._id, { ...stored });
  return value;
}
