import type { MutationExecution } from "../model/execution.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, shareDependency } from "../model/row.js";
import { type AnyReader, lazyDb } from "../schema.js";
import { type Dependency, dependencyOn, identityOf, shapeOf, tableOf } from "./dependency.js";
import { learnShapes, rowsWith } from "./find.js";
import type { Recorder } from "./recorder.js";

/** Rows that register a dependency: a write to it marks each of them. When there are more, they share it. */
const MAX_ROWS = 64;
/** Shared dependencies of a row: each read of the row looks them up. Of more, it depends on their tables as a whole. */
const MAX_SHARED = 4;

type RowName = { view: string; key: string };

/** Stores what a row depends on, where it differs from the last commit. Returns what the row notes in itself. */
export async function storeDependencies(execution: MutationExecution, row: RowName, recorder: Recorder) {
  const { dependencies, shared, over } = recorder;
  const { db } = execution.ledger;
  const stored = await dependenciesOf(execution.db, row);
  const before = new Map(stored.map((each) => [identityOf(each), each]));
  let found = await register(execution, row, dependencies, before);
  for (const text of shared) found.shared.add(text);
  if (found.shared.size > MAX_SHARED) {
    const tables = new Set([...found.shared].map(tableOf));
    const others = dependencies.filter(({ text }) => !tables.has(tableOf(text)));
    const whole = [...tables].map((table) => dependencyOn(table, []));
    found = await register(execution, row, [...others, ...whole], before);
  }
  const texts = [...found.shared].sort();
  const registered = [...found.registered.values()].map(({ text }) => text);
  await learnShapes(execution, [...registered, ...texts].map(shapeOf));
  for (const [identity, { _id }] of before) {
    if (!found.registered.delete(identity)) await db.delete("lazyDependencies", _id);
  }
  for (const dependency of found.registered.values()) await db.insert("lazyDependencies", { ...dependency, ...row });
  // The row itself may be what a row depends on, and is written next.
  execution.dependents.clear();
  return { ...(Object.keys(over).length > 0 && { over }), ...(texts.length > 0 && { shared: texts }) };
}

/** Forgets what a row depended on that is deleted, or whose view is not tracked any more. */
export async function removeDependencies({ db, ledger }: MutationExecution, row: RowName): Promise<void> {
  for (const { _id } of await dependenciesOf(db, row)) await ledger.db.delete("lazyDependencies", _id);
}

/** What a row is registered for. */
export function dependenciesOf(db: AnyReader, { view, key }: RowName) {
  return lazyDb(db)
    .query("lazyDependencies")
    .withIndex("by_row", (q) => q.eq("view", view).eq("key", key))
    .collect();
}

/** The dependencies that a row registers, by identity, as it did before or because few rows have them; and the others. */
async function register(execution: MutationExecution, row: RowName, all: Dependency[], before: Map<string, unknown>) {
  const registered = new Map<string, Dependency>();
  const shared = new Set<string>();
  for (const dependency of all) {
    const identity = identityOf(dependency);
    if (!before.has(identity) && (await share(execution, row, dependency.text))) shared.add(dependency.text);
    else registered.set(identity, dependency);
  }
  return { registered, shared };
}

/** Whether very many rows have a dependency. When they have become so many, the others share it from now on, too. */
async function share(execution: MutationExecution, own: RowName, text: string): Promise<boolean> {
  const { db, ledger } = execution;
  const rows = await rowsWith(execution, text);
  if (rows.some(({ view }) => view === "")) return true;
  if (rows.length < MAX_ROWS) return false;
  await ledger.db.insert("lazyDependencies", { text, view: "", key: "" });
  execution.dependents.clear();
  for (const { _id, view, key } of rows) {
    // What stays registered is marked as well.
    if ((view === own.view && key === own.key) || (await isNearlyOut(execution.ctx))) continue;
    const row = await findRow(db, { name: view }, key).catch(() => undefined);
    if (row?.tracked) await shareDependency(db, view, row, text);
    if (row !== undefined) await ledger.db.delete("lazyDependencies", _id);
  }
  return true;
}
