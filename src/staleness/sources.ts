import { ConvexError } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { type Key, MissingTableError, removeRow, toKey } from "../model/row.js";
import type { StoredRow } from "../schema.js";
import { type Document, keysTable, type Sides } from "../tracking/dependency.js";
import { dependentsOf, removeDependencies, shapesOn } from "../tracking/store.js";
import { complain, describe, reasonOf } from "../values/describe.js";
import { markKey, notMarked } from "./mark.js";
import { invalidateTag, sharedTag } from "./tags.js";

/** A change of one document. `before` or `after` is null where the document does not exist. */
type Change = Sides & { table: string };

/** Maps a document to the keys that depend on it. */
export type ToKeys = (document: never) => unknown;

/** Marks the rows whose recorded dependencies match a change. */
export async function markDependents(execution: MutationExecution, shapes: string[], change: Sides, by: string) {
  const { rows, shared } = await dependentsOf(execution, shapes, change).catch((error) => {
    throw notMarked(execution, "the rows that depend on a document could not be looked up", error);
  });
  for (const text of shared) await invalidateTag(execution.db, sharedTag(text));
  execution.wakesReaders ||= shared.size > 0;
  for (const { view: name, key } of rows) {
    const view = execution.app.views.get(name);
    // A view that has another mode by now has no recorded dependencies: its sources mark it.
    if (view?.mode !== "transaction") continue;
    await markRow(execution, view, key, by);
  }
}

/** Applies a change to the rows of a view, or marks them; and marks the rows that are computed from them. */
export async function takeIn(execution: MutationExecution, view: ViewDefinition, changed: Change, by: string) {
  // `compute` may have read a later value of a row than the stored one, so a change of a row cannot be applied.
  const isRow = execution.app.views.get(changed.table)?.mode === "transaction";
  for (const [key, change] of concerns(view, changed)) {
    if (execution.app.isTracking) await markOver(execution, view, key, by);
    await markRow(execution, view, key, by, isRow ? undefined : change);
  }
}

/** Marks the row of a key for another reason than a change of a source, and the rows that are computed from the key. */
export async function invalidateKey(execution: MutationExecution, view: ViewDefinition, key: string, by: string) {
  await markOver(execution, view, key, by);
  await markOuter(execution, view, await markKey(execution, view, key, by), by);
}

/** Marks the rows that are computed from a key, whether or not that has a row. */
async function markOver(execution: MutationExecution, view: ViewDefinition, key: string, by: string): Promise<void> {
  const shapes = await shapesOn(execution, [keysTable(view)]);
  await markDependents(execution, shapes, { before: { key }, after: null }, by);
}

/**
 * Marks a row, or applies a change where its view can. A missing table is logged once in a mutation: it has no rows.
 */
async function markRow(execution: MutationExecution, view: ViewDefinition, key: string, by: string, change?: Change) {
  const { withoutTable } = execution;
  if (withoutTable.has(view)) return;
  try {
    const row = await markKey(execution, view, key, by, change);
    if (row && execution.app.dependents.has(view.name)) await markOuter(execution, view, row, by);
  } catch (error) {
    if (!(error instanceof MissingTableError)) throw error;
    withoutTable.add(view);
    complain(error);
  }
}

/** Marks the rows of other modes that are computed from a marked row: their dependencies are declared, not recorded. */
async function markOuter(execution: MutationExecution, view: ViewDefinition, row: StoredRow | null, by: string) {
  if (!row || view.mode !== "transaction") return;
  for (const outer of execution.app.dependents.get(view.name) ?? []) {
    if (outer.mode === "transaction") continue;
    for (const key of keysOf(outer, view.name, row as unknown as Document)) await markRow(execution, outer, key, by);
  }
}

/** The texts of the keys that a change concerns, each with the sides of the change that map to it. */
function concerns(view: ViewDefinition, change: Change): Iterable<[string, Change]> {
  const byKey = new Map<string, Change>();
  for (const side of ["before", "after"] as const) {
    const document = change[side];
    for (const key of document === null ? [] : keysOf(view, change.table, document)) {
      const own = byKey.get(key) ?? { ...change, before: null, after: null };
      byKey.set(key, { ...own, [side]: document });
    }
  }
  return byKey;
}

/** The texts of the keys that depend on a document of a source. Throws what `keysFrom` throws. */
export function keysOf(view: ViewDefinition, table: string, document: Document): string[] {
  return keysFrom(view, document, view.sources[table], `sources.${table}`).map(({ text }) => text);
}

/** @throws Error that names the view and the document, when `toKeys` throws, or does not return an array of keys. */
export function keysFrom(view: ViewDefinition, document: Document, toKeys: ToKeys | undefined, name: string): Key[] {
  try {
    const keys = toKeys?.(document as never);
    if (!Array.isArray(keys)) throw new Error(`returned ${describe(keys)}, not an array of keys`);
    return keys.map((key) => toKey(view, key));
  } catch (error) {
    if (error instanceof ConvexError) throw error;
    const what = `view "${view.name}": ${name} failed for the document ${document?._id}`;
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Deletes a row and its recorded dependencies. Marks the rows that are computed from it. */
export async function evictRow(execution: MutationExecution, view: ViewDefinition, row: StoredRow): Promise<void> {
  await removeRow(execution.watched, view, row);
  execution.wakesReaders = true;
  if (row.tracked) await removeDependencies(execution, { view: view.name, key: row.key });
  execution.forget(markOf(view, row.key));
}
