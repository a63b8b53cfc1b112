import type { GenericId } from "convex/values";
import type { AnyQueryCtx, AnyReader, LazyReader, LazyWriter, Run } from "../schema.js";
import { findBy } from "../values/findBy.js";
import type { Mode } from "./definition.js";

/*
 * A recompute outside one transaction is a run. Its document is inserted *before* the sources are read, so that no
 * change is missed. A change that commits before the document is in every snapshot that shows the document. A later
 * change finds the document, and notes itself in it; then the commit of the run marks the row.
 *
 *   insert → touch (by the first change) → job after job, each with its deadline → end
 */

/** The fields of a run that do not change. */
export type RunWork = Required<Pick<Run, "view" | "key" | "args" | "version" | "asOf">> &
  Pick<Run, "byWrite" | "turn" | "probes">;

/** The run of a key that lasts now, or null. A view of the mode `transaction` has none, so nothing is read. */
export function findRun(db: AnyReader, view: { name: string; mode?: Mode }, key: string): Promise<Run | null> | null {
  if (view.mode === "transaction") return null;
  return findBy(db, "lazyRuns", "by_row", { view: view.name, key }).first();
}

/** Notes in a run that a source has changed since it began. */
export async function touchRun(db: LazyWriter, run: Run, now: number): Promise<void> {
  if (run.touchedAt === undefined) await db.patch("lazyRuns", run._id, { touchedAt: now });
}

/** Ends a run. Jobs of it that come later find nothing, and do nothing. */
export async function removeRun(db: LazyWriter, { _id }: Run): Promise<void> {
  const pages = await findPages(db, _id);
  if (pages !== null) await db.delete("lazyPages", pages._id);
  await db.delete("lazyRuns", _id);
}

/** How far a run of the mode `paged` has come. */
export function findPages(db: AnyReader | LazyReader, run: GenericId<"lazyRuns">) {
  return findBy(db, "lazyPages", "by_run", { run }).first();
}

/** The state of a scheduled job that has not ended; false when it has, or Convex does not know it. */
export async function isAlive({ db }: Pick<AnyQueryCtx, "db">, job: GenericId<"_scheduled_functions"> | undefined) {
  const found = job === undefined ? null : await db.system.get("_scheduled_functions", job);
  const kind = found?.state.kind;
  return kind === "pending" || kind === "inProgress" ? kind : false;
}
