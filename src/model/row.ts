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

/** A key object that fits its view, with its canonical text: equal keys, and only they, have equal texts. */
export type Key = { args: Record<string, Value>; text: string };

/** Bytes of a key's text; with names and times, it makes a line of less than 4,000 bytes. */
const MAX_KEY_BYTES = 2_500;
/** No string of a canonical text can contain this, since quotes are escaped in strings. */
const NEGATIVE_ZERO = '{"$float":"-0"}';

/**
 * A key as it is stored. `-0` is `0` in a key, as in JavaScript's own maps.
 * @throws Error naming the field, what was expected and what it got; or when the schema changes the key each time.
 */
export function toKey(view: ViewDefinition, key: unknown): Key {
  const what = `view "${view.name}": key`;
  const args = view.checkKey(key) as Key["args"];
  const text = canonicalText(args, what);
  if (args !== key && canonicalText(view.checkKey(args), what) !== text) {
    throw new Error(`${what}: its schema changes ${text} again; transform the key before.`);
  }
  // The app may go on using its object.
  if (!text.includes(NEGATIVE_ZERO)) return { args: copyOf(args), text };
  const positive = text.replaceAll(NEGATIVE_ZERO, "0");
  return { args: fromCanonicalText(positive) as Key["args"], text: positive };
}

/** Of a key whose recompute would not fit in a line of the log, how its text begins; else undefined. */
export function startOfLong(text: string): string | undefined {
  const isLong = text.length * 3 > MAX_KEY_BYTES && toUtf8(text).length > MAX_KEY_BYTES;
  return isLong ? `${startOf(text, 100)}…` : undefined;
}

/** What the recompute of a key asks for: of one that is too long, how its text begins. */
export const askedFor = ({ args, text }: Key): Asked => ({ args: startOfLong(text) ?? args });

/** The error for a key that is too long. */
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

/** The row of a key: one document, one range. @throws Error with the remedy, when its table is not in the schema. */
export async function findRow(db: AnyReader, { name }: { name: string }, text: string): Promise<StoredRow | null> {
  try {
    const rows = db.query(name).withIndex("by_key", (q) => q.eq("key", text));
    // One call of Convex: `first()` makes a second one, to see that there is no other row.
    for await (const row of rows) return row as unknown as StoredRow;
    return null;
  } catch (error) {
    const reason = reasonOf(error);
    // The error of a transaction that has read too much names the limit.
    if (/too many|too much|limit/i.test(reason)) throw error;
    // Convex does not know the index. One that it is still filling will have rows.
    const ReadError = /not found|not declared/.test(reason) ? MissingTableError : Error;
    const message = `view "${name}" could not be read: is its viewTable() in convex/schema.ts? (${reason})`;
    throw new ReadError(message, { cause: error });
  }
}

/** The schema does not have a view's table, so the view has no rows. */
export class MissingTableError extends Error {}

/** Whether a row has a value. One that release 0.1 left behind for a first run has none. */
export const hasValue = (row: StoredRow | null): row is StoredRow => row !== null && row.seq !== 0;

/** The effect that asks the mutation `recompute` for a key, by a reader who saw this row, or none. */
export function recomputeEffect(target: string, view: ViewDefinition, { args }: Asked, row: Seen): Effect {
  const { name, windowMs } = view;
  return { target, args: { view: name, args: args as Value }, windowMs, seen: row?.asOf ?? 0n };
}

/*
 * The life of a row. Nothing else writes one.
 *
 *   commit → mark → nudge, nudge … → commit        by changes, as long as nothing comes of the mark
 *   commit → applyValue, applyValue …              by changes that the view can apply
 *   announce → (commit, or withdraw)               a recompute is on its way; none is any more
 *   commit → lookAgain, lookAgain …                by sweeps, at each age
 *   commit → lookAgain (idle) → touch, or remove   by the idle clock: a reader takes the row back, or it goes
 *   remove                                         by the app
 */

/** Commits a value: what the row said of changes, jobs and sweeps before is over. */
export async function commitRow(db: AnyWriter, view: ViewDefinition, old: StoredRow | null, next: Row<Value, Value>) {
  if (old === null) await db.insert(view.name, { ...next });
  else await db.replace(view.name, old._id, { ...next });
}

/** Takes a change into the value: the row is still as of the snapshot, and of the age, that it was computed from. */
export async function applyValue(db: AnyWriter, view: ViewDefinition, row: StoredRow, value: unknown): Promise<void> {
  await db.patch(view.name, row._id, { value: value as Value });
}

/**
 * Marks a row because a source has changed, or marks it again. What was announced before the row was marked still
 * comes; what was announced with the mark has not come. A recompute that is on its way now is announced, too.
 */
export async function markRow(db: AnyWriter, view: ViewDefinition, row: StoredRow, by: string, isAnnounced: boolean) {
  const now = Date.now();
  const mark = row.dirtyAt === undefined ? { dirtyAt: now, markedBy: by } : { nudgedAt: now, pendingUntil: undefined };
  await db.patch(view.name, row._id, { ...mark, ...(isAnnounced && announcement(view, row, now)) });
}

/** A dependency of the row has become shared: reads of the row compare its tag from now on. */
export async function shareDependency(db: AnyWriter, view: string, { _id, tracked }: StoredRow, text: string) {
  await db.patch(view, _id, { tracked: { ...tracked, shared: [...new Set(tracked?.shared).add(text)] } });
}

/** Says that a recompute is on its way, so that readers do not ask. A sweep looks whether it has come. */
export async function announce(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow): Promise<void> {
  if (row.pendingUntil !== undefined) return;
  const now = Date.now();
  await patchTimes(ledger, view, row, announcement(view, row, now), now);
}

/** Says that no recompute is on its way any more. */
export async function withdraw(db: AnyWriter, view: { name: string }, row: StoredRow | null): Promise<void> {
  if (row?.pendingUntil !== undefined) await db.patch(view.name, row._id, { pendingUntil: undefined });
}

/**
 * A sweep has looked at a row: readers may ask again, if their recompute should have come by now. Subscribers run and
 * see that an age is reached, or that the row is idle. Another sweep looks at the row when it has to.
 */
export async function lookAgain(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow, time: number): Promise<void> {
  const pendingUntil = earliest([row.pendingUntil], time);
  // The sweep may be late: readers have their time from now on.
  const idleAt = isIdleTimeOver(view, row, time) ? Math.max(Date.now(), time) : row.idleAt;
  const expiresAt = nextLookAt(view, { ...row, pendingUntil, idleAt }, time);
  await patchTimes(ledger, view, row, { pendingUntil, idleAt, expiresAt }, time);
}

/** A reader has asked for a row: it is not idle any more. */
export async function touch(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow): Promise<void> {
  if (!isIdle(view, row)) return;
  const now = Date.now();
  const askedAt = askedNow(row, now);
  // A sweep that is to look whether an announced recompute has come still does.
  const expiresAt = row.pendingUntil === undefined ? nextLookAt(view, { ...row, askedAt }, now) : row.expiresAt;
  await patchTimes(ledger, view, row, { askedAt, expiresAt }, now);
}

/** Writes times of a row, and makes sure that a sweep looks at it. */
async function patchTimes(ledger: LedgerCtx, view: ViewDefinition, row: StoredRow, times: Partial<Swept>, now: number) {
  await (ledger.db as AnyWriter).patch(view.name, row._id, times);
  await sweepRow(ledger, view, { ...row, ...times }, now);
}

type Swept = Times & { expiresAt?: number | undefined };

/** Makes sure that a sweep looks at a row. Those whose idle time ends in one twentieth of it are swept together. */
export async function sweepRow(ledger: LedgerCtx, view: ViewDefinition, row: Swept, now: number): Promise<void> {
  const { name, evictAfterMs = 0 } = view;
  const { expiresAt } = row;
  if (expiresAt === undefined) return;
  if (expiresAt !== idleTimeEndsAt(view, row)) return await sweepWhenDue(ledger, name, expiresAt, now);
  await ensureSweep(ledger, { kind: "due", table: name, sweepAt: sweepTime(expiresAt, evictAfterMs / 40) });
}

export const removeRow = (db: AnyWriter, view: ViewDefinition, row: StoredRow) => db.delete(view.name, row._id);

/** When a sweep looks at a row next, of what lies ahead of a time, or of its idle time; undefined when never. */
export function nextLookAt(view: ViewDefinition, row: Times, time: number): number | undefined {
  const ages = view.staleWhen.ages.map((age) => row.computedAt + age);
  const ahead = earliest([...ages, row.pendingUntil], time);
  return earliest([ahead, idleTimeEndsAt(view, row)], 0);
}

/** The earliest of the times that lie ahead; undefined when none does. */
function earliest(times: (number | undefined)[], now: number): number | undefined {
  const ahead = times.filter((time) => time !== undefined && time > now) as number[];
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** How long a recompute may be on its way before its readers are believed to wait in vain. */
export function workMs({ mode, windowMs, timeoutMs }: Pick<ViewDefinition, "mode" | "windowMs" | "timeoutMs">): number {
  return windowMs + (mode === "transaction" ? 0 : timeoutMs) + PATIENCE_MS;
}

/** The fields that announce a recompute in a row, until it should have come. */
export function announcement(view: ViewDefinition, { expiresAt }: Pick<Row, "expiresAt">, now: number) {
  const pendingUntil = now + workMs(view);
  return { pendingUntil, expiresAt: Math.min(expiresAt ?? pendingUntil, pendingUntil) };
}
