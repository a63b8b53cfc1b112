import type { GenericDatabaseWriter, GenericDataModel } from "convex/server";
import { isAhead } from "../effects/clock.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";
import { findRow, type StoredRow } from "../views/rows.js";
import type { Row } from "../views/viewTable.js";
import { begunAt, isOverdue, lookField } from "./backstop.js";
import type { Marks } from "./marks.js";

/** A mark older than this is set again by the next change, so that readers ask once more. */
const GRACE_MS = 60_000;
/** Each time after twice as long, for nobody may be reading the row; but at least so often. */
const LONGEST_GRACE_MS = 3_600_000;

/** How long a mark counts: where a recompute is on its way, as long as that may take, too. */
function graceMs({ windowMs, timeoutMs }: ViewDefinition, row: Row): number {
  const { dirtyAt = 0, dirtySince = dirtyAt } = row;
  const markedForMs = Math.min(Math.max(dirtyAt - dirtySince, GRACE_MS), LONGEST_GRACE_MS);
  return row.pending ? windowMs + timeoutMs + markedForMs : markedForMs;
}

/** What a mutation does about the rows that its changes concern. */
export interface Invalidation {
  marks: Marks;
  /** Has a row recomputed, and tells whether it could; absent where nothing can be scheduled. */
  recomputeSoon?(
    view: ViewDefinition,
    key: Key,
    row: Pick<StoredRow, "seq" | "_creationTime">,
  ): Promise<boolean>;
}

/**
 * Marks the row of a key as out of date.
 *
 * - No row → nothing to do.
 * - Marked already → the mark is only read; except that one older than the grace is set again: subscribers re-run
 *   and raise their effect once more, so that a lost effect heals at the next write. The grace doubles each time.
 * - The row is leased → its recompute is scheduled, and the mark says so: readers raise nothing. One that should have
 *   come long ago, because its job died, is not waited for any more; nor is a run that has died.
 *
 * @param known - The row, where it has just been read.
 * @throws Error past 200 keys in one mutation.
 */
export async function invalidateKey(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  invalidation: Invalidation,
  known?: StoredRow,
): Promise<void> {
  const find = () => findRow(db, view, key.text);
  const markRow = async () => setMark(db, view, key, await find(), invalidation);
  if (!invalidation.marks.begin(markOf(view, key), markRow)) return;
  await setMark(db, view, key, known ?? (await find()), invalidation);
}

async function setMark(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  row: StoredRow | null,
  { recomputeSoon }: Invalidation,
): Promise<void> {
  if (row === null) return;
  const now = Date.now();
  const { refreshing } = row;
  // Pages come one after the other, so that the begin of their run tells nothing.
  const mayHaveDied = refreshing !== undefined && view.mode !== "paged";
  const isDead = mayHaveDied && isOverdue(view, row, now, begunAt(refreshing));
  if (row.dirtyAt !== undefined && Math.abs(now - row.dirtyAt) <= graceMs(view, row)) return;
  const isLeased = isAhead(row.leaseUntil ?? now, now, view.leaseMs ?? 0);
  const isScheduled = isLeased && (await recomputeSoon?.(view, key, row)) === true;
  // Readers that were told so before their row was marked still wait for a recompute.
  const isAwaited = row.pending === true && row.dirtyAt === undefined;
  const isPending = isScheduled || isAwaited;
  await db.patch(view.name, row._id, {
    dirtyAt: now,
    ...(row.dirtyAt === undefined ? {} : { dirtySince: row.dirtySince ?? row.dirtyAt }),
    ...(isDead ? { refreshing: undefined } : {}),
    ...(isPending === (row.pending ?? false) ? {} : { pending: isPending ? true : undefined }),
    ...(isPending ? lookField(view, row, now) : {}),
  });
}

/** What `marks` holds for a key. */
export function markOf(view: ViewDefinition, key: Key): string {
  return `${view.name} ${key.text}`;
}
