import type { MutationExecution } from "../model/execution.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, shareDependency } from "../model/row.js";
import type { AnyReader, LazyReader, LazyWriter, StoredDependency } from "../schema.js";
import { findBy } from "../values/findBy.js";
import { type Dependency, dependencyOn, identityOf, isIn, type Sides, shapeOf, tableOf, textAt } from "./dependency.js";
import type { Recorder } from "./recorder.js";

/** At most so many rows register a dependency, and a write marks each of them. When there are more, they share it. */
const MAX_ROWS = 64;
/**
 * A row has at most so many shared dependencies, which each of its reads looks up. Beyond that, it depends on whole
 * tables.
 */
const MAX_SHARED = 4;

type RowName = { view: string; key: string };

/** Stores the dependencies of a row, where they differ from the last commit. Returns the field `tracked` of the row. */
export async function storeDependencies(execution: MutationExecution, row: RowName, recorder: Recorder) {
  const { dependencies, shared, over } = recorder;
  const { db } = execution.ledger;
  const stored = await dependenciesOf(db, row);
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
  // The row is written next, and other rows may depend on it.
  execution.dependents.clear();
  return { ...(Object.keys(over).length > 0 && { over }), ...(texts.length > 0 && { shared: texts }) };
}

/** Deletes the dependencies of a row, because it is deleted, or its view is not tracked any more. */
export async function removeDependencies({ ledger: { db } }: MutationExecution, row: RowName): Promise<void> {
  for (const { _id } of await dependenciesOf(db, row)) await db.delete("lazyDependencies", _id);
}

/** The dependencies that a row has registered. */
export function dependenciesOf(db: AnyReader | LazyReader, row: RowName) {
  return findBy(db, "lazyDependencies", "by_row", row).collect();
}

/** Divides dependencies: the row registers those that it had before, or that few rows have. It shares the others. */
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

/**
 * Whether a dependency is shared. The row that is one too many makes it shared, for the rows that have registered it.
 */
async function share(execution: MutationExecution, own: RowName, text: string): Promise<boolean> {
  const { db, ledger } = execution;
  const rows = await rowsWith(execution, text);
  if (rows.some(({ view }) => view === "")) return true;
  if (rows.length < MAX_ROWS) return false;
  await ledger.db.insert("lazyDependencies", { text, view: "", key: "" });
  execution.dependents.clear();
  for (const { _id, view, key } of rows) {
    // A row that stays registered is marked by writes, so it is right, too.
    if ((view === own.view && key === own.key) || (await isNearlyOut(execution.ctx))) continue;
    const row = await findRow(db, { name: view }, key).catch(() => undefined);
    if (row?.tracked) await shareDependency(db, view, row, text);
    if (row !== undefined) await ledger.db.delete("lazyDependencies", _id);
  }
  return true;
}

/** The registered rows that depend on a changed document, and the texts of the shared dependencies on it. */
export async function dependentsOf(execution: MutationExecution, shapes: string[], { before, after }: Sides) {
  const rows = new Set<StoredDependency>();
  const shared = new Set<string>();
  for (const shape of shapes) {
    // No row can have read the id of a document that is new.
    if (before === null && shape.endsWith(',"_id"]')) continue;
    for (const side of [before, after].filter((side) => side !== null)) {
      const text = textAt(shape, side);
      for (const found of text === undefined ? [] : await rowsWith(execution, text)) {
        if (found.view === "") shared.add(found.text);
        else if (isIn(found.bounds, side)) rows.add(found);
      }
    }
  }
  return { rows, shared };
}

/**
 * The registered rows of a dependency. A mutation that runs short of index ranges reads all those of its shape at once.
 */
async function rowsWith(execution: MutationExecution, text: string): Promise<readonly StoredDependency[]> {
  const { dependents, ledger } = execution;
  const shape = shapeOf(text);
  if (!dependents.has(text) && !dependents.has(shape) && (await execution.isShortOfRanges())) {
    const all = await execution.readWhole(ofShape(ledger.db, shape));
    for (const each of all ?? []) dependents.set(each.text, []);
    for (const each of all ?? []) dependents.get(each.text)?.push(each);
    dependents.set(shape, all && []);
  }
  let found = dependents.get(text) ?? dependents.get(shape);
  if (found) return found;
  found = await findBy(ledger.db, "lazyDependencies", "by_text", { text }).collect();
  dependents.set(text, found);
  return found;
}

/** The shapes of the dependencies on these tables. (Names of tables need no escapes in JSON.) */
export async function shapesOn(execution: MutationExecution, tables: string[]): Promise<string[]> {
  const isOn = (shape: string) => tables.some((table) => shape.startsWith(`["${table}"`));
  return ((await readShapes(execution))?.shapes ?? []).filter(isOn);
}

/** The tables that rows depend on. */
export async function trackedTables(execution: MutationExecution): Promise<string[]> {
  const tables = (await readShapes(execution))?.shapes.map(tableOf);
  return [...new Set(tables)].filter((table) => /^\w+$/.test(table));
}

/** Stores shapes, so that writes look for dependencies of these shapes. */
async function learnShapes(execution: MutationExecution, shapes: readonly string[]): Promise<void> {
  const stored = await readShapes(execution);
  const { shapes: known = [] } = stored ?? {};
  const all = new Set([...known, ...shapes]);
  if (all.size === known.length) return;
  const { db } = execution.ledger;
  if (stored) await db.patch("lazyShapes", stored._id, { shapes: [...all] });
  else await db.insert("lazyShapes", { shapes: [...all] });
  execution.shapes = undefined;
}

/** Drops the shapes that no dependency has any more, because each costs every write to its table an index range. */
export async function dropShapes(db: LazyWriter): Promise<void> {
  const stored = await db.query("lazyShapes").first();
  if (!stored) return;
  const found = await Promise.all(stored.shapes.map((shape) => ofShape(db, shape).first()));
  const shapes = stored.shapes.filter((_, i) => found[i]);
  if (shapes.length < stored.shapes.length) await db.patch("lazyShapes", stored._id, { shapes });
}

function ofShape(db: LazyReader, shape: string) {
  // After the shape comes a line break, and then the values. "\u000b" is the character after the line break.
  return db.query("lazyDependencies").withIndex("by_text", (q) => q.gte("text", shape).lt("text", `${shape}\u000b`));
}

function readShapes(execution: MutationExecution): MutationExecution["shapes"] {
  if (execution.app.isTracking) execution.shapes ??= execution.ledger.db.query("lazyShapes").first();
  return execution.shapes;
}
