import type { Effect } from "../effects/effect.js";
import { type LazyApp, viewOf } from "../model/app.js";
import type { Verdict, ViewDefinition } from "../model/definition.js";
import { dbOf, type Execution, executionOf, findExecution } from "../model/execution.js";
import { isIdle } from "../model/idleClock.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, hasValue, type Key, keyOrNone, toKey } from "../model/row.js";
import { Compute, computeKey } from "../recompute/compute.js";
import type { AnyQueryCtx, StoredRow } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { canonicalText } from "../values/canonical.js";
import { wrongValue } from "../values/describe.js";

/**
 * What a read finds. `fresh`: the row is served. `stale`: it is out of date, and served while it is recomputed.
 * `expired`: it must not be served. `missing`: the key has no row.
 */
export type RowState = Verdict | "missing";

/**
 * What {@link View.read} and {@link View.peek} return: a row that is served, or none that can be. In the `compute` of
 * another view, a view of the mode `transaction` is always `fresh`.
 */
export type ViewRead<V, Absent = V | null> =
  | {
      state: "fresh" | "stale";
      /** The stored value of the row. */
      value: V;
      /** When the value was committed, in ms since 1970; 0 for a value that is computed inside another `compute`. */
      computedAt: number;
      /** The version of the view that computed the value. */
      version: number;
    }
  | {
      state: "expired" | "missing";
      /** What the query itself computed; or null, with `onMissing: "null"` and from `peek`. */
      value: Absent;
      /** When the expired row was committed, in ms since 1970; null when there is no row. */
      computedAt: number | null;
      /** The version of the view that computed the expired row; null when there is no row. */
      version: number | null;
    };

type AnyRead = ViewRead<unknown>;

/** What {@link View.readRows} returns for each row: what `read` returns, with the key of the row. */
export type RowRead<K, V> = ViewRead<V> & { key: K };
/** Rows that the app has looked up, or a promise of them. */
export type Rows<Row> = readonly Row[] | Promise<readonly Row[]>;

/** Reads a key, after the writes that the mutation has begun: these may still have to mark its row. */
export async function readView(ctx: object, view: ViewDefinition, rawKey: unknown, method: string): Promise<AnyRead> {
  const execution = executionOf(ctx, view, method);
  const key = toKey(view, rawKey);
  const writes = execution.mutex?.idle;
  if (writes) await writes;
  return await serve(execution, view, key);
}

/**
 * Reads rows that the app has looked up. A row whose key does not fit the view any more is expired, and its recompute
 * is not raised, as it would fail.
 * @throws Error, when one of them is not a row.
 */
export async function readRows(ctx: object, view: ViewDefinition, rows: Rows<unknown>) {
  const execution = executionOf(ctx, view, "readRows");
  return await Promise.all(
    (await rows).map(async (row) => {
      if (!isRow(row)) throw wrongValue(`${view.name}.readRows: a row`, row, "give documents of the view's table");
      const key = keyOrNone(view, row.args);
      if (key === undefined) return { ...toRead(row, "expired"), key: row.args };
      return { ...(await serve(execution, view, key, row)), key: row.args };
    }),
  );
}

/** Whether the `compute` of another view reads this one: it must not get an old value. */
function isPart(execution: Execution | undefined, view: ViewDefinition): execution is Compute {
  return execution instanceof Compute && view.mode === "transaction";
}

async function readPart(compute: Compute, view: ViewDefinition, key: Key, row?: StoredRow): Promise<AnyRead> {
  const { value, fresh } = await compute.read(view, key, row);
  return { state: "fresh", value, computedAt: fresh?.computedAt ?? 0, version: view.version };
}

function isRow(row: unknown): row is StoredRow {
  const { key, asOf, args } = (row ?? {}) as Partial<StoredRow>;
  return typeof key === "string" && typeof asOf === "bigint" && args !== undefined;
}

/**
 * Serves a row and raises its recompute, unless the row is fresh and not idle, or a recompute is announced in it. (The
 * recompute of a fresh row that is idle computes nothing: it only notes that a reader has asked.) Without a row to
 * serve, the value is null, or what `compute` returns now.
 */
async function serve(execution: Execution, view: ViewDefinition, key: Key, known?: StoredRow): Promise<AnyRead> {
  if (isPart(execution, view)) return await readPart(execution, view, key, known);
  const { reader } = execution;
  const row = known ?? (await findRow(execution.ctx.db, view, key.text));
  const state = hasValue(row) ? judgeForReader(reader, view, row) : "missing";
  const read = toRead(row, typeof state === "string" ? state : await state);
  const isFresh = row !== null && read.state === "fresh";
  if (isFresh && !isIdle(view, row)) return read;
  if (row?.pendingUntil === undefined) execution.raiseRecompute(view, key, row);
  if (isFresh || read.state === "stale" || view.onMissing === "null") return read;
  return { ...read, value: await computeKey(execution, view, key) };
}

/** Reads a key; raises no effect. */
export async function peekView(ctx: object, view: ViewDefinition, rawKey: unknown): Promise<AnyRead> {
  const db = dbOf(ctx, view, "peek");
  const key = toKey(view, rawKey);
  const execution = findExecution(ctx);
  await execution?.mutex?.idle;
  if (isPart(execution, view)) return await readPart(execution, view, key);
  const row = await findRow(db, view, key.text);
  return toRead(row, hasValue(row) ? await judgeForReader(ctx as AnyQueryCtx, view, row) : "missing");
}

/** Whether a recompute of a row should be raised: the row is not fresh, or is idle, and none is announced in it. */
export async function isWanted(reader: AnyQueryCtx, view: ViewDefinition, row: StoredRow | null): Promise<boolean> {
  if (!hasValue(row)) return true;
  if (row.pendingUntil !== undefined) return false;
  return isIdle(view, row) || (await judgeForReader(reader, view, row)) !== "fresh";
}

/**
 * Returns which effects of an old delivery are still wanted: the recomputes whose row is still the one that the reader
 * saw, is not fresh, and announces no recompute. Effects whose rows exceed what a query may read are left out.
 *
 * An idle row is not wanted for that alone, since an old delivery does not prove that a reader asks now. Logs nothing:
 * its lines would be delivered to the route that asks.
 */
export async function stillWanted(app: LazyApp, ctx: AnyQueryCtx, effects: readonly Effect[]): Promise<Effect[]> {
  const wanted: Effect[] = [];
  for (const effect of effects) {
    const view = viewOf(app, effect);
    if (view === undefined || (await isNearlyOut(ctx))) continue;
    const row = await findRow(ctx.db, view, canonicalText(effect.args.args));
    if (row === null || row.asOf !== effect.seen || row.pendingUntil !== undefined) continue;
    if ((await judgeForReader(ctx, view, row, () => {})) !== "fresh") wanted.push(effect);
  }
  return wanted;
}

const NO_ROW = { value: null, computedAt: null, version: null };

function toRead(row: StoredRow | null, state: RowState): AnyRead {
  const { value, computedAt, version } = (state !== "missing" && row) || NO_ROW;
  const isServed = state === "fresh" || state === "stale";
  return { state, value: isServed ? value : null, computedAt, version } as AnyRead;
}
