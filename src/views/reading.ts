import { describe } from "../effects/canonical.js";
import { judgeForReader } from "../staleness/judge.js";
import type { AnyQueryCtx } from "../staleness/predicate.js";
import type { LazyContext } from "./context.js";
import type { ViewDefinition } from "./definition.js";
import { type Key, toKey } from "./keys.js";
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
 * Reads a key: no row → missing; else the row's verdict. Unless it is fresh, or its recompute is on its way, one is
 * raised, from the commit that was seen. Fresh and stale are served; otherwise the view says what to answer: null, or
 * what `compute` says here and now.
 */
export async function readView(
  lazy: LazyContext,
  view: ViewDefinition,
  rawKey: unknown,
): Promise<ViewRead<unknown>> {
  const key = toKey(view, rawKey);
  return await serve(lazy, view, key, await findRow(lazy.ctx.db, view, key.text));
}

/** What a read of many rows gives for each of them. */
export type RowRead<K, V> = ViewRead<V> & { key: K };

/**
 * Reads rows that the app has looked up itself, in their order. One whose key does not fit the view any more is
 * expired, and nobody can ask for it.
 *
 * @throws Error when something among them is no row.
 */
export async function readRows(
  lazy: LazyContext,
  view: ViewDefinition,
  rows: readonly unknown[],
): Promise<RowRead<unknown, unknown>[]> {
  return await Promise.all(
    rows.map(async (row) => {
      if (!isRow(row)) {
        throw new Error(
          `${view.name}.readRows was given ${describe(row)}; give documents of the table "${view.name}".`,
        );
      }
      const key = keyOf(view, row);
      const read = key === null ? toRead(row, "expired") : await serve(lazy, view, key, row);
      return { ...read, key: row.args };
    }),
  );
}

function isRow(row: unknown): row is StoredRow {
  const { key, seq, args } = (row ?? {}) as Partial<StoredRow>;
  return typeof key === "string" && typeof seq === "number" && args !== undefined;
}

function keyOf(view: ViewDefinition, row: StoredRow): Key | null {
  try {
    return toKey(view, row.args);
  } catch {
    return null;
  }
}

async function serve(
  lazy: LazyContext,
  view: ViewDefinition,
  key: Key,
  row: StoredRow | null,
): Promise<ViewRead<unknown>> {
  const verdict =
    row === null || hasNoValue(row) ? "missing" : judgeForReader(lazy.reader, view, row);
  const read = toRead(row, typeof verdict === "string" ? verdict : await verdict);
  if (read.state === "fresh") return read;
  if (!row?.pending && row?.refreshing === undefined)
    lazy.raise(recomputeEffect(lazy.recompute, view, key, row));
  if (read.state === "stale" || view.onMissing === "null") return read;
  return {
    ...read,
    value: view.checkValue(await view.compute(lazy.reader, key.args as never)),
  };
}

/** Reads a key and raises nothing. */
export async function peekView(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  rawKey: unknown,
): Promise<ViewRead<unknown>> {
  const row = await findRow(ctx.db, view, toKey(view, rawKey).text);
  const isMissing = row === null || hasNoValue(row);
  return toRead(row, isMissing ? "missing" : await judgeForReader(ctx, view, row));
}

/** Whether the key's first run still stands in the row. */
function hasNoValue(row: StoredRow): boolean {
  return row.seq === 0;
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
