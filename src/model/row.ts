import type { Value } from "convex/values";
import { toUtf8 } from "../effects/crypto.js";
import type { Effect } from "../effects/effect.js";
import type { LedgerCtx } from "../effects/ledger.js";
import { ensureSweep, sweepTime, sweepWhenDue } from "../effects/sweep.js";
import type { AnyReader, AnyWriter, Asked, Row, Seen, StoredRow } from "../schema.js";
import { PATIENCE_MS } from "../times.js";
import { canonicalText, fromCanonicalText } from "../values/canonical.js";
import { copyOf } from "../values/copy.js";
import { reasonOf, startOf } from "../values/describe.js";
import type { ViewDefinition } from "./definition.js";
import { askedNow, idleTimeEndsAt, isIdle, isIdleTimeOver, type Times } from "./idleClock.js";

/** A key that fits its view, and its canonical text: equal keys, and only they, have equal texts. */
export type Key = { args: Record<string, Value>; text: string };

/** The longest text of a key, in bytes. With names and times, its recompute fits into a line of 4,000 bytes. */
const MAX_KEY_BYTES = 2_500;
/** No string in a canonical text contains this, because quotes in strings are escaped. */
const NEGATIVE_ZERO = '{"$float":"-0"}';

/**
 * A key as it is stored: `-0` is stored as `0`, as in a JavaScript `Map`.
 *
 * @throws Error that names the field, what was expected and what it got; or when the schema changes the key each time.
 */
export function toKey(view: ViewDefinition, key: unknown): Key {
  const what = `view "${view.name}": key`;
  const args = view.checkKey(key) as Key["args"];
  const text = canonicalText(args, what);
  if (args !== key && canonicalText(view.checkKey(args), what) !== text) {
    throw new Error(`${what}: its schema changes ${text} again; transform the key first.`);
  }
  // A copy, because the app may change its object later.
  if (!text.includes(NEGATIVE_ZERO)) return { args: copyOf(args), text };
  const positive = text.replaceAll(NEGATIVE_ZERO, "0");
  return { args: fromCanonicalText(positive) as Key["args"], text: positive };
}

/** The start of a key's text, if the key is too long for a line of the log; else undefined. */
export function startOfLong(text: string): string | undefined {
  const isLong = text.length * 3 > MAX_KEY_BYTES && toUtf8(text).length > MAX_KEY_BYTES;
  return isLong ? `${startOf(text, 100)}…` : undefined;
}

/** The key in a recompute's effect; of a key that is too long, the start of its text. */
export const askedFor = ({ args, text }: Key): Asked => ({ args: startOfLong(text) ?? args });

/** The error of a key that is too long. */
export function keyTooLong({ name }: ViewDefinition, start: string): Error {
  return new Error(`view "${name}": the key ${start} has more than ${MAX_KEY_BYTES} bytes; use an id or a hash.`);
}

/** The key; undefined when it does not fit the view. */
export function keyOrNone(view: ViewDefinition, args: unknown): Key | undefined {
  try {
    return toKey(view, args);
  } catch {
    return undefined;
  }
}

/**
 * The row of a key. Reads one document by one index range.
 *
 * @throws MissingTableError with the remedy, when the view's table is not in the schema.
 */
export async function findRow(db: AnyReader, { name }: { name: string }, text: string): Promise<StoredRow | null> {
  try {
    const rows = db.query(name).withIndex("by_key", (q) => q.eq("key", text));
    // `first()` would make a second call of Convex, to see that there is no other row.
    for await (const row of rows) return row as unknown as StoredRow;
    return null;
  } catch (error) {
    const reason = reasonOf(error);
    // A transaction that has read too much: the error names the limit.
    if (/too many|too much|limit/i.test(reason)) throw error;
    // Convex does not know the index, so there are no rows. (An index that it is still filling will have rows.)
    const ReadError = /not found|not declared/.test(reason) ? MissingTableError : Error;
    const message = `view "${name}" could not be read: is its viewTable() in convex/schema.ts? (${reason})`;
    throw new ReadError(message, { cause: error });
  }
}

/** A view's table is not in the schema, so the view has no rows. */
export class MissingTableError extends Error {}

/** Whether a row has a value. Release 0.1 wrote rows without one, for first runs. */
export const hasValue = (row: StoredRow | null): row is StoredRow => row !== null && row.seq !== 0;

/** The effect that asks for the recompute of a key, and whose reader saw this row, or none. */
export function recomputeEffect(target: string, view: ViewDefinition, { args }: Asked, row: Seen): Effect {
  const { name, windowMs } = view;
  return { target, args: { view: name, args: args as Value }, windowMs, seen: row?.asOf ?? 0n };
}

/*
 * The life of a row. Only the functions below write one.
 *
 *   commit → mark → nudge, nudge … → commit        changes mark it, and mark it again while it is not recomputed
 *   commit → applyValue, applyValue …              changes that the view can apply
 *   announce → (commit, or withdraw)               a recompute is under way; then it commits, or is not coming
 *   commit → lookAgain, lookAgain …                sweeps, at each age
 *   commit → lookAgain (idle) → touch, or remove   the idle clock: a reader takes the row back, or it is deleted
 *   remove                                         the app
 */

/** Commits a value. Clears what the row noted of changes, jobs and sweeps before. */
export async function commitRow(db: AnyWriter, view: ViewDefinition, old: StoredRow | null, next: Row<Value, Value>) {
  if (old === null) await db.insert(view.name, { ...next });
  else await db.replace(view.name, old._id, { ...next });
}

/** Stores the value after a change. The snapshot and the age of the row stay those of its last compute. */
export async function applyValue(db: AnyWriter, view: ViewDefinition, row: StoredRow, value: unknown): Promise<void> {
  await db.patch(view.name, row._id, { value: value as Value });
}

/**
 * Marks a row, or marks it again, because a source has changed. The first mark leaves an announcement in the row, as
 * that recompute still comes. A later mark removes it: what was announced with the first one has not come.
 *
 * @param isAnnounced - Whether a recompute is scheduled now, which is announced in the row.
 */
export async function markRow(db: AnyWriter, view: ViewDefinition, row: StoredRow, by: string, isAnnounced: boolean) {
  const now = Date.now();
  const mark = row.dirtyAt === undefined ? { dirtyAt: now, markedBy: by } : { nudgedAt: now, pendingUntil: undefined };
  await db.patch(view.name, row._id, { ...mark, ...(isAnnounced && announcement(view, row, now)) });
}

/** Notes in a row that one of its dependencies is shared now: reads of the row look up the tag of that dependency. */
export async function shareDependency(db: AnyWriter, view: string, { _id, tracked }: StoredRow, text: string) {
  await db.patch(view, _id, { tracked: { ...tracked, shared: [...new Set(tracked?.shared).add(text)] } });
}

/**
 * Announces in a row that a recompute is under way, so that readers raise none. A sweep checks later that it has come.
 */
export async function announce(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow): Promise<void> {
  if (row.pendingUntil !== undefined) return;
  const now = Date.now();
  await patchTimes(ledger, view, row, announcement(view, row, now), now);
}

/** Takes an announcement out of a row: no recompute is under way any more. */
export async function withdraw(db: AnyWriter, view: { name: string }, row: StoredRow | null): Promise<void> {
  if (row?.pendingUntil !== undefined) await db.patch(view.name, row._id, { pendingUntil: undefined });
}

/**
 * Called for a row that a sweep has found. Clears an announcement that is overdue, so that readers raise the recompute
 * again. The write makes subscribers run, which see that an age is reached, or that the row is idle. Schedules the next
 * sweep, if one is needed.
 */
export async function lookAgain(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow, time: number): Promise<void> {
  const pendingUntil = earliest([row.pendingUntil], time);
  // Readers get their full time from now on, even if the sweep is late.
  const idleAt = isIdleTimeOver(view, row, time) ? Math.max(Date.now(), time) : row.idleAt;
  const expiresAt = nextLookAt(view, { ...row, pendingUntil, idleAt }, time);
  await patchTimes(ledger, view, row, { pendingUntil, idleAt, expiresAt }, time);
}

/** Called when a reader has asked for a row: it is not idle any more. */
export async function touch(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow): Promise<void> {
  if (!isIdle(view, row)) return;
  const now = Date.now();
  const askedAt = askedNow(row, now);
  // While a recompute is announced, the sweep that checks whether it has come stays.
  const expiresAt = row.pendingUntil === undefined ? nextLookAt(view, { ...row, askedAt }, now) : row.expiresAt;
  await patchTimes(ledger, view, row, { askedAt, expiresAt }, now);
}

/** Writes times of a row, and makes sure that a sweep finds it. */
async function patchTimes(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow, times: Partial<Swept>, now: number) {
  await (ledger.db as AnyWriter).patch(view.name, row._id, times);
  await sweepRow(ledger, view, { ...row, ...times }, now);
}

type Swept = Times & { expiresAt?: number | undefined };

/** Makes sure that a sweep finds a row. Rows whose idle time ends within a fortieth of `evictAfter` share a sweep. */
export async function sweepRow(ledger: LedgerCtx, view: ViewDefinition, row: Swept, now: number): Promise<void> {
  const { name, evictAfterMs = 0 } = view;
  const { expiresAt } = row;
  if (expiresAt === undefined) return;
  if (expiresAt !== idleTimeEndsAt(view, row)) return await sweepWhenDue(ledger, name, expiresAt, now);
  await ensureSweep(ledger, { kind: "due", table: name, sweepAt: sweepTime(expiresAt, evictAfterMs / 40) });
}

export const removeRow = (db: AnyWriter, view: ViewDefinition, row: StoredRow) => db.delete(view.name, row._id);

/**
 * When a sweep must look at a row next: at the first event after `time`, or when its idle time ends; undefined when
 * never.
 */
export function nextLookAt(view: ViewDefinition, row: Times, time: number): number | undefined {
  const ages = view.staleWhen.ages.map((age) => row.computedAt + age);
  const ahead = earliest([...ages, row.pendingUntil], time);
  return earliest([ahead, idleTimeEndsAt(view, row)], 0);
}

/** The earliest of the times that are ahead; undefined when none is. */
function earliest(times: (number | undefined)[], now: number): number | undefined {
  const ahead = times.filter((time) => time !== undefined && time > now) as number[];
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** How long a recompute may take. After that it is considered lost, and its readers may ask again. */
export function workMs({ mode, windowMs, timeoutMs }: Pick<ViewDefinition, "mode" | "windowMs" | "timeoutMs">): number {
  return windowMs + (mode === "transaction" ? 0 : timeoutMs) + PATIENCE_MS;
}

/** The fields that announce a recompute in a row, until the latest time at which it should have come. */
export function announcement(view: ViewDefinition, { expiresAt }: Pick<Row, "expiresAt">, now: number) {
  const pendingUntil = now + workMs(view);
  return { pendingUntil, expiresAt: Math.min(expiresAt ?? pendingUntil, pendingUntil) };
}
