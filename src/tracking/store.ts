import type { MutationExecution } from "../model/execution.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, shareDependency } from "../model/row.js";
import { type AnyReader, lazyDb, type Row } from "../schema.js";
import { type Dependency, dependencyOn, identityOf, shapeOf, tableOf } from "./dependency.js";
import { learnShapes, rowsWith } from "./find.js";
import type { Recorder } from "./recorder.js";

/** Rows that register a dependency: a write to it marks each of them. When there are more, they share it. */
const MAX_ROWS = 64;
/** Shared dependencies of a row: each read of the row looks them up. Of more, it depends on their tables as a whole. */
const MAX_SHARED = 4;

type RowName = { view: string; key: string };
/** What a row registers, by identity, and the texts of what it shares. */
type Registration = { registered: Map<string, Dependency>; shared: Set<string> };

/**
 * Stores what a row depends on, in the transaction that commits the row, and writes only what differs from the commit
 * before. Returns what the row notes in itself.
 */
export async function storeDependencies(
  execution: MutationExecution,
  row: RowName,
  { dependencies, shared, over }: Recorder,
): Promise<NonNullable<Row["tracked"]>> {
  const { db } = execution.ledger;
  const stored = await dependenciesOf(execution.db, row);
  const before = new Map(stored.map((each) => [identityOf(each), each]));
  let found = await register(execution, row, dependencies, new Set(before.keys()));
  for (const text of shared) found.shared.add(text);
  if (found.shared.size > MAX_SHARED) {
    const tables = new Set([...found.shared].map((text) => tableOf({ text })));
    const others = dependencies.filter((dependency) => !tables.has(tableOf(dependency)));
    const whole = [...tables].map((table) => dependencyOn(table, []));
    found = await register(execution, row, [...others, ...whole], new Set(before.keys()));
  }
  const texts = [...found.shared].sort();
  await learnShapes(execution, [...found.registered.values(), ...texts.map((text) => ({ text }))].map(shapeOf));
  for (const [identity, { _id }] of before) {
    if (!found.registered.delete(identity)) await db.delete("lazyDependencies", _id);
  }
  for (const dependency of found.registered.values()) await db.insert("lazyDependencies", { ...dependency, ...row });
  // The row itself may be what a row depends on, and is written next.
  execution.dependents.clear();
  return { ...(Object.keys(over).length > 0 && { over }), ...(texts.length > 0 && { shared: texts }) };
}

/** Forgets what a row depended on that is deleted, or whose view is not tracked any more. */
export async function removeDependencies(execution: MutationExecution, row: RowName): Promise<void> {
  for (const { _id } of await dependenciesOf(execution.db, row))
    await execution.ledger.db.delete("lazyDependencies", _id);
}

/** What a row is registered for. */
export function dependenciesOf(db: AnyReader, { view, key }: RowName) {
  return lazyDb(db)
    .query("lazyDependencies")
    .withIndex("by_row", (q) => q.eq("view", view).eq("key", key))
    .collect();
}

/** Which dependencies a row registers, as it did `before` or because few rows have them, and which it shares. */
async function register(
  execution: MutationExecution,
  row: RowName,
  dependencies: readonly Dependency[],
  before: ReadonlySet<string>,
): Promise<Registration> {
  const found: Registration = { registered: new Map(), shared: new Set() };
  for (const dependency of dependencies) {
    const { text } = dependency;
    const identity = identityOf(dependency);
    const isShared = !before.has(identity) && (await share(execution, row, text));
    if (isShared) found.shared.add(text);
    else found.registered.set(identity, dependency);
  }
  return found;
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
