import type { GenericDatabaseWriter, GenericDataModel } from "convex/server";
import type { ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";
import { findRow } from "../views/rows.js";
import type { Marks } from "./marks.js";

/** A mark older than this is set again by the next change, so that readers ask once more. */
const GRACE_MS = 60_000;

/**
 * Marks the row of a key as out of date. The first change after a commit sets the mark; later ones only read it,
 * except that one older than the grace is set again: subscribers re-run and raise their effect once more, so that
 * a lost effect heals at the next write. No row → nothing to do.
 *
 * @throws Error past 200 keys in one mutation.
 */
export async function invalidateKey(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  marks: Marks,
): Promise<void> {
  const markRow = () => setMark(db, view, key);
  if (marks.begin(markOf(view, key), markRow)) await markRow();
}

async function setMark(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
): Promise<void> {
  const row = await findRow(db, view, key.text);
  if (row === null) return;
  const now = Date.now();
  if (row.dirtyAt !== undefined && now - row.dirtyAt <= GRACE_MS) return;
  await db.patch(view.name, row._id, { dirtyAt: now });
}

/** What `marks` holds for a key. */
export function markOf(view: ViewDefinition, key: Key): string {
  return `${view.name} ${key.text}`;
}
