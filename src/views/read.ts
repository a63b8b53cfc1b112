import { pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { Execution } from "../model/execution.js";
import { findRow, hasValue, type Key, keyOrNone, recomputeEffect, toKey } from "../model/row.js";
import type { AnyQueryCtx, StoredRow } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { describe } from "../values/describe.js";

/**
 * What a read finds.
 * - `fresh`: the value as it is.
 * - `stale`: an older value, served while it is recomputed.
 * - `expired`: there is a value, but it must not be served.
 * - `missing`: there is no value yet.
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
 * Reads a key: no row → missing; else the row's verdict. Unless it is fresh, or its recompute was announced, one is
 * raised, for the row that was seen. Fresh and stale are served; otherwise the view says what to answer: null, or what
 * `compute` says here and now.
 */
export async function readView(
  execution: Execution,
  view: ViewDefinition,
  rawKey: unknown,
): Promise<ViewRead<unknown>> {
  const key = toKey(view, rawKey);
  return await serve(execution, view, key, await findRow(execution.ctx.db, view, key.text));
}

/** What a read of many rows gives for each of them. */
export type RowRead<K, V> = ViewRead<V> & { key: K };

/**
 * Reads rows that the app has looked up itself, in their order. One whose key does not fit the view any more is
 * expired, and cannot be asked for.
 *
 * @throws Error when something among them is no row.
 */
export async function readRows(
  execution: Execution,
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
      const key = keyOrNone(view, row.args);
      const read = key === undefined ? toRead(row, "expired") : await serve(execution, view, key, row);
      return { ...read, key: row.args };
    }),
  );
}

function isRow(row: unknown): row is StoredRow {
  const { key, asOf, args } = (row ?? {}) as Partial<StoredRow>;
  return typeof key === "string" && typeof asOf === "bigint" && args !== undefined;
}

async function serve(
  execution: Execution,
  view: ViewDefinition,
  key: Key,
  row: StoredRow | null,
): Promise<ViewRead<unknown>> {
  const { app, reader, collector } = execution;
  const verdict = hasValue(row) ? judgeForReader(reader, view, row) : "missing";
  const read = toRead(row, typeof verdict === "string" ? verdict : await verdict);
  if (read.state === "fresh") return read;
  if (row?.pendingUntil === undefined) collector.raise(recomputeEffect(pathOf(app, "recompute"), view, key, row));
  if (read.state === "stale" || view.onMissing === "null") return read;
  return { ...read, value: view.checkValue(await view.compute(reader, key.args as never)) };
}

/** Reads a key and raises nothing. */
export async function peekView(ctx: AnyQueryCtx, view: ViewDefinition, rawKey: unknown): Promise<ViewRead<unknown>> {
  const row = await findRow(ctx.db, view, toKey(view, rawKey).text);
  return toRead(row, hasValue(row) ? await judgeForReader(ctx, view, row) : "missing");
}

/** Whether the row of a key is not fresh, and no recompute of it is on its way. */
export async function isWanted(reader: AnyQueryCtx, view: ViewDefinition, row: StoredRow | null): Promise<boolean> {
  if (!hasValue(row)) return true;
  return row.pendingUntil === undefined && (await judgeForReader(reader, view, row)) !== "fresh";
}

function toRead(row: StoredRow | null, state: RowState): ViewRead<unknown> {
  if (row === null || state === "missing") {
    return { state: "missing", value: null, computedAt: null, version: null };
  }
  const { value, computedAt, version } = row;
  return state === "expired" ? { state, value: null, computedAt, version } : { state, value, computedAt, version };
}
