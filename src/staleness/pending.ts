import type { GenericDatabaseWriter, GenericDataModel } from "convex/server";
import type { ViewDefinition } from "../views/definition.js";
import type { StoredRow } from "../views/rows.js";
import { lookField } from "./backstop.js";

/*
 * A row that is `pending` has a recompute on its way, so its readers raise nothing. Whoever ends that recompute takes
 * the word back, by committing the row or otherwise.
 */

/** Says that a recompute of the row is on its way. */
export async function announceRecompute(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  row: StoredRow,
): Promise<void> {
  if (row.pending) return;
  await db.patch(view.name, row._id, { pending: true, ...lookField(view, row, Date.now()) });
}

/** Says that none is any more. */
export async function letReadersAsk(
  db: GenericDatabaseWriter<GenericDataModel>,
  { name }: Pick<ViewDefinition, "name">,
  { _id, pending }: StoredRow,
): Promise<void> {
  if (pending) await db.patch(name, _id, { pending: undefined });
}
