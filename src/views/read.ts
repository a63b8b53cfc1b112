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

/** What a read finds: a value that is fresh, stale (served while it is recomputed) or expired (not served); or none. */
export type RowState = Verdict | "missing";

/**
 * The answer of `view.read` and `view.peek`: when the value was computed, in ms since 1970, and by which version of the
 * view. The value of an expired or missing row is what the query itself computed; or, in a view with
 * `onMissing: "null"`, null. In the compute of another view, a view of the mode `transaction` is always fresh; its
 * `computedAt` is 0 when the value was computed in place.
 */
export type ViewRead<V, Absent = V | null> =
  | { state: "fresh" | "stale"; value: V; computedAt: number; version: number }
  | { state: "expired" | "missing"; value: Absent; computedAt: number | null; version: number | null };

type AnyRead = ViewRead<unknown>;

export type RowRead<K, V> = ViewRead<V> & { key: K };

/** Reads a key. */
export async function readView(ctx: object, view: ViewDefinition, rawKey: unknown, method: string): Promise<AnyRead> {
  const execution = executionOf(ctx, view, method);
  const key = toKey(view, rawKey);
  const writes = execution.mutex?.idle;
  if (writes) await writes;
  return await serve(execution, view, key);
}

/**
 * Reads rows that the app has looked up. One whose key does not fit the view any more is expired, and not asked for.
 * @throws Error when something among them is no row.
 */
export async function readRows(
  ctx: object,
  view: ViewDefinition,
  rows: readonly unknown[] | Promise<readonly unknown[]>,
): Promise<RowRead<unknown, unknown>[]> {
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

/** Whether a view is read by the compute of another one, which must not get an old value. */
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
 * Raises a recompute for the row that was seen, unless one was announced, or the row is fresh and not idle. (That of a
 * fresh row takes it back from the idle clock.) What is not served is null, or what `compute` says here and now.
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

/** Reads a key and raises nothing. */
export async function peekView(ctx: object, view: ViewDefinition, rawKey: unknown): Promise<AnyRead> {
  const db = dbOf(ctx, view, "peek");
  const key = toKey(view, rawKey);
  const execution = findExecution(ctx);
  await execution?.mutex?.idle;
  if (isPart(execution, view)) return await readPart(execution, view, key);
  const row = await findRow(db, view, key.text);
  return toRead(row, hasValue(row) ? await judgeForReader(ctx as AnyQueryCtx, view, row) : "missing");
}

/** Whether the row of a key is not fresh, or idle, and no recompute of it is on its way. */
export async function isWanted(reader: AnyQueryCtx, view: ViewDefinition, row: StoredRow | null): Promise<boolean> {
  if (!hasValue(row)) return true;
  if (row.pendingUntil !== undefined) return false;
  return isIdle(view, row) || (await judgeForReader(reader, view, row)) !== "fresh";
}

/**
 * Of effects that were delivered late, or again: the recomputes whose row is the one that they saw, is not fresh (idle
 * does not count: no reader asks by what is sent again), and has none on its way; as many as a query may read. Logs
 * nothing: the lines would be delivered to the route that asks.
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
