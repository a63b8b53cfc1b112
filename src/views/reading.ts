import { judgeForReader } from "../staleness/judge.js";
import type { AnyQueryCtx } from "../staleness/predicate.js";
import type { LazyContext } from "./context.js";
import type { ViewDefinition } from "./definition.js";
import { toKey } from "./keys.js";
import { readOnly } from "./readOnly.js";
import { recomputeEffect } from "./recomputeEffect.js";
import { findRow, type StoredRow } from "./rows.js";

/**
 * What a read finds.
 * - `fresh`: the value as it is.
 * - `stale`: an older value, served while it is recomputed.
 * - `expired`: there is a value, but it must not be served.
 * - `missing`: nobody has computed it yet.
 */
export type RowState = "fresh" | "stale" | "expired" | "missing";

/** The answer of `view.read` and `view.peek`. */
export type ViewRead<V> =
  | {
      state: "fresh" | "stale";
      value: V;
      /** When it was computed, in ms since 1970. */
      computedAt: number;
      /** The view's version that computed it. */
      version: number;
    }
  | {
      state: "expired" | "missing";
      /** Null; or what the query computed itself, in a view with `onMissing: "compute"`. */
      value: V | null;
      computedAt: number | null;
      version: number | null;
    };

/**
 * Reads a key: no row → missing; else the row's verdict. Unless it is fresh, a recompute is raised, from the
 * commit that was seen. Fresh and stale are served; otherwise the view says what to answer: null, or what
 * `compute` says here and now.
 */
export async function readView(
  lazy: LazyContext,
  view: ViewDefinition,
  rawKey: unknown,
): Promise<ViewRead<unknown>> {
  const key = toKey(view, rawKey);
  const row = await findRow(lazy.ctx.db, view, key.text);
  const verdict = row === null ? "missing" : judgeForReader(lazy.ctx, view, row);
  const read = toRead(row, typeof verdict === "string" ? verdict : await verdict);
  if (read.state === "fresh") return read;
  lazy.raise(recomputeEffect(lazy.recompute, view, key, row?.seq ?? 0));
  if (read.state === "stale" || view.onMissing === "null") return read;
  return {
    ...read,
    value: view.checkValue(await view.compute(readOnly(lazy.ctx), key.args as never)),
  };
}

/** Reads a key and raises nothing. */
export async function peekView(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  rawKey: unknown,
): Promise<ViewRead<unknown>> {
  const row = await findRow(ctx.db, view, toKey(view, rawKey).text);
  return toRead(row, row === null ? "missing" : await judgeForReader(ctx, view, row));
}

function toRead(row: StoredRow | null, state: RowState): ViewRead<unknown> {
  if (row === null || state === "missing") {
    return { state: "missing", value: null, computedAt: null, version: null };
  }
  const { value, computedAt, version } = row;
  return state === "expired"
    ? { state, value: null, computedAt, version }
    : { state, value, computedAt, version };
}
