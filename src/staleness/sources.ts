import { ConvexError } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import type { Mutex } from "../model/mutex.js";
import { applyValue, type Key, MissingTableError, removeRow, toKey } from "../model/row.js";
import { findRun } from "../model/run.js";
import type { AnyWriter, StoredRow } from "../schema.js";
import { ANY_TABLE, type Document, keysTable } from "../tracking/dependency.js";
import { dependentsOf, shapesOn, trackedTables } from "../tracking/find.js";
import { removeDependencies } from "../tracking/store.js";
import { canonicalText, fromCanonicalText } from "../values/canonical.js";
import { copyOf } from "../values/copy.js";
import { complain, describe, reasonOf } from "../values/describe.js";
import { isLeased, lookUp, markKey, notMarked } from "./mark.js";
import { invalidateTag, sharedTag } from "./tags.js";

/** One change of one document. `before` or `after` is null where the document does not exist. */
interface Change {
  table: string;
  before: Document;
  after: Document;
}

type Turns = Pick<Mutex, "run" | "track">;
type Method = "insert" | "patch" | "replace" | "delete";
type RawDb = Record<Method | "get", (...args: unknown[]) => Promise<unknown>>;

/** For work that runs in its turn already. */
const IN_TURN: Turns = { run: (work) => work(), track: (work) => work() };
/** How many arguments each method takes when the first one names the table. */
const NAMED: Record<Method, number> = { insert: 2, patch: 3, replace: 3, delete: 2 };

/** The database for the library's own writes: a row may be a source of other views. */
export function watchedDb(execution: MutationExecution): AnyWriter {
  execution.watched ??= watchDb(execution, IN_TURN);
  return execution.watched;
}

/** Deletes a row, and what is recorded of it. Rows over it are marked. */
export async function evictRow(execution: MutationExecution, view: ViewDefinition, row: StoredRow): Promise<void> {
  await removeRow(watchedDb(execution), view, row);
  if (row.tracked) await removeDependencies(execution, { view: view.name, key: row.key });
  execution.forget({ view, text: row.key });
}

/** The database of a mutation: each change of a source reaches its rows before the next one begins. */
export function watchDb(execution: MutationExecution, turns: Turns): AnyWriter {
  const { app, db } = execution;
  const raw = db as unknown as RawDb;
  const writer =
    (method: Method) =>
    (...args: unknown[]) => {
      // Convex tells from the last argument whether the table is named; wrappers hand on one that is undefined.
      if (args.at(-1) === undefined) args.pop();
      const isOf = (name: string) => db.normalizeId(name, String(args[0])) !== null;
      const isNamed = args.length === NAMED[method];
      const table = isNamed ? String(args[0]) : ([...app.dependents.keys()].find(isOf) ?? ANY_TABLE);
      if (!app.isTracking && !app.dependents.has(table)) return turns.track(() => raw[method](...args));
      // A copy: the app may change its objects while the write waits for its turn.
      const written = args.map(copyOf);
      return turns.run(() => write(execution, method, table, written));
    };
  return {
    get: (...args: unknown[]) => turns.track(() => raw.get(...args)),
    query: (table: string) => trackQuery(db.query(table), turns),
    insert: writer("insert"),
    patch: writer("patch"),
    replace: writer("replace"),
    delete: writer("delete"),
    normalizeId: db.normalizeId.bind(db),
    system: db.system,
    vars: db.vars,
  } as unknown as AnyWriter;
}

/** A query whose reads the mutex knows of. */
function trackQuery<Query extends object>(query: Query, turns: Turns): Query {
  return new Proxy(query, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        const result: unknown = method.apply(target, args);
        if (result instanceof Promise) return turns.track(() => result);
        return isObject(result) ? trackQuery(result, turns) : result;
      };
    },
  });
}

/**
 * Writes a document. The change concerns the keys of the old and of the new one, in every view that has the table as a
 * source, and the rows whose recorded dependencies match one of the two: they are marked as out of date, or, where the
 * view knows how, brought up to date.
 */
async function write(execution: MutationExecution, method: Method, named: string, args: unknown[]): Promise<unknown> {
  const { app, db } = execution;
  const raw = db as unknown as RawDb;
  const isInsert = method === "insert";
  const id = args.at(method === "delete" ? -1 : -2);
  const isOf = (name: string) => db.normalizeId(name, String(id)) !== null;
  const table = named || ((await trackedTables(execution)).find(isOf) ?? ANY_TABLE);
  const shapes = await shapesOn(execution, table, ANY_TABLE);
  const views = app.dependents.get(table) ?? [];
  if (views.length + shapes.length === 0) return await raw[method](...args);
  const read = (id: unknown) => raw.get(...(table === ANY_TABLE ? [id] : [table, id])) as Promise<Document>;
  const before = isInsert ? null : await read(id);
  const result = await raw[method](...args);
  try {
    let after = method === "delete" ? null : storedFrom(method, before, args.at(-1) as Document);
    if (after === undefined) {
      after = await read(isInsert ? result : id).catch((error) => {
        throw notMarked(execution, `a document of the source "${table}" could not be read back`, error);
      });
    }
    const change = { table, before, after };
    const markedBy = `${method} ${isInsert ? "into" : "of"} ${table || id}`;
    for (const view of views) await takeIn(execution, view, change, markedBy);
    await markDependents(execution, shapes, change, markedBy);
  } catch (error) {
    execution.lostInvalidation ??= error;
    throw error;
  }
  return result;
}

/** Marks the rows whose recorded dependencies match a change. */
async function markDependents(
  execution: MutationExecution,
  shapes: readonly string[],
  change: Omit<Change, "table">,
  markedBy: string,
): Promise<void> {
  const { rows, shared } = await dependentsOf(execution, shapes, change).catch((error) => {
    throw notMarked(execution, "the rows that depend on a document could not be looked up", error);
  });
  for (const text of shared) await invalidateTag(execution.db, sharedTag(text));
  for (const { view: name, key } of rows) {
    const view = execution.app.views.get(name);
    // One that computes outside of one transaction by now is marked by its sources.
    if (view?.mode !== "transaction") continue;
    const args = fromCanonicalText(key) as Key["args"];
    await unlessMissing(execution, view, () => markKey(execution, view, { args, text: key }, markedBy));
  }
}

/** Applies a change to the rows of a view, and marks the rows over them. */
async function takeIn(
  execution: MutationExecution,
  view: ViewDefinition,
  changed: Change,
  markedBy: string,
): Promise<void> {
  for (const [key, change] of concerns(view, changed)) {
    await markOver(execution, view, key, markedBy);
    await unlessMissing(execution, view, () =>
      view.applyChange ? applyToRow(execution, view, key, change, markedBy) : markKey(execution, view, key, markedBy),
    );
  }
}

/** Marks the rows that are computed from a key, whether or not that has a row. */
export async function markOver(
  execution: MutationExecution,
  view: ViewDefinition,
  { text }: Key,
  markedBy: string,
): Promise<void> {
  const shapes = await shapesOn(execution, keysTable(view));
  await markDependents(execution, shapes, { before: { key: text }, after: null }, markedBy);
}

/** Does work on a row. A view whose table is missing has no rows: that is logged, once a mutation. */
async function unlessMissing(execution: MutationExecution, view: ViewDefinition, work: () => Promise<void>) {
  const { withoutTable } = execution;
  if (withoutTable.has(view)) return;
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MissingTableError)) throw error;
    withoutTable.add(view);
    complain(error);
  }
}

/**
 * What a document is after a write, without reading it back: Convex stores plain fields as they are, and drops those
 * that are undefined. Undefined for an insert, and where a value is an object, such as `commitTs`.
 */
function storedFrom(method: Method, before: Document, written: Document): Document | undefined {
  if (!before || Object.values(written ?? {}).some(isObject)) return undefined;
  const { _id, _creationTime } = before;
  const after: NonNullable<Document> = { ...(method === "patch" ? before : { _id, _creationTime }), ...written };
  for (const name in after) if (after[name] === undefined) delete after[name];
  return after;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The keys that a change concerns, each with what of the change is its own. */
function concerns(view: ViewDefinition, change: Change): Iterable<[Key, Change]> {
  const byText = new Map<string, [Key, Change]>();
  for (const side of ["before", "after"] as const) {
    const document = change[side];
    for (const key of document === null ? [] : keysOf(view, change.table, document)) {
      const [, own] = byText.get(key.text) ?? [key, { ...change, before: null, after: null }];
      byText.set(key.text, [key, { ...own, [side]: document }]);
    }
  }
  return byText.values();
}

/**
 * The keys that depend on a document of a source.
 *
 * @throws Error naming the view and the document, when the view's function fails or returns no keys.
 */
export function keysOf(view: ViewDefinition, table: string, document: Document): Key[] {
  try {
    const keys = view.sources[table]?.(document as never);
    if (!Array.isArray(keys)) throw new Error(`returned ${describe(keys)}, not an array of keys`);
    return keys.map((key) => toKey(view, key));
  } catch (error) {
    if (error instanceof ConvexError) throw error;
    const what = `view "${view.name}": sources.${table} failed for the document ${document?._id}`;
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Brings the row of a key up to date with one change of a source, in the change's own transaction.
 *
 * - No row → nothing to do, but for a run that lasts.
 * - The row is marked, of another version, or being recomputed; its view has leases, and the row none; or
 *   `applyChange` cannot tell, or fails → it is marked as out of date.
 * - Else its value is replaced, and nothing else: tags and ages count from the snapshot that it was computed from.
 */
async function applyToRow(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  change: Change,
  markedBy: string,
): Promise<void> {
  if (execution.marked.has(markOf(view, key.text))) return;
  const row = await lookUp(execution, view, key);
  const isCurrent =
    row &&
    row.version === view.version &&
    row.dirtyAt === undefined &&
    row.seq === undefined &&
    (view.leaseMs === undefined || isLeased(view, row, Date.now())) &&
    !(await findRun(execution.db, view, key.text));
  const value = isCurrent ? newValue(view, key, row, change) : undefined;
  if (!isCurrent || value === undefined) return await markKey(execution, view, key, markedBy, row);
  execution.rows.get(view.name)?.set(key.text, { ...row, value });
  await applyValue(watchedDb(execution), view, row, value);
}

/** @returns Undefined when the value must be computed anew. */
function newValue(view: ViewDefinition, key: Key, row: StoredRow, change: Change): unknown {
  try {
    const value = view.applyChange?.(row.value as never, change as never, key.args as never);
    if (value === undefined) return undefined;
    const checked = view.checkValue(value);
    // The schema has transformed the stored value before. Once more must not change it.
    if (checked === value || canonicalText(view.checkValue(checked)) === canonicalText(checked)) return checked;
    throw new Error("its schema transforms its own output again; transform the value in compute instead.");
  } catch (error) {
    const what = `view "${view.name}": applyChange failed for ${row.key}`;
    complain(`${what}, whose row will be computed anew: ${reasonOf(error)}`);
    return undefined;
  }
}
