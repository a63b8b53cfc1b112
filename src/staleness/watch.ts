import type { MutationExecution } from "../model/execution.js";
import type { Mutex } from "../model/mutex.js";
import type { AnyWriter } from "../schema.js";
import { ANY_TABLE, type Document } from "../tracking/dependency.js";
import { shapesOn, trackedTables } from "../tracking/store.js";
import { intercept, tableOfId } from "../tracking/watchReads.js";
import { copyOf } from "../values/copy.js";
import { notMarked } from "./mark.js";
import { markDependents, takeIn } from "./sources.js";

type Turns = Pick<Mutex, "run" | "track">;
type Method = "insert" | "patch" | "replace" | "delete";
type RawDb = Record<Method | "get", (...args: unknown[]) => Promise<unknown>>;

/** For the library's own writes of rows, which may be sources of other views. They have their turn already. */
export const IN_TURN: Turns = { run: (work) => work(), track: (work) => work() };
/** How many arguments each method takes when the first one names the table. */
const NAMED: Record<Method, number> = { insert: 2, patch: 3, replace: 3, delete: 2 };

/** The database of a mutation. Each change of a source has marked its rows before the next change begins. */
export function watchDb(execution: MutationExecution, turns: Turns): AnyWriter {
  const { app, db } = execution;
  const raw = db as unknown as RawDb;
  const writer =
    (method: Method) =>
    (...args: unknown[]) => {
      execution.hasWritten ||= turns !== IN_TURN;
      // The number of arguments says whether the table is named. Wrappers may pass one more, which is undefined.
      if (args.at(-1) === undefined) args.pop();
      const isNamed = args.length === NAMED[method];
      const table = isNamed ? String(args[0]) : tableOfId(db, args[0], app.dependents.keys());
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

/** A query whose reads are tracked by the mutex. */
function trackQuery<Query extends object>(query: Query, turns: Turns): Query {
  return intercept(query, (_name, _args, call) => {
    const result = call();
    if (result instanceof Promise) return turns.track(() => result);
    return isObject(result) ? trackQuery(result, turns) : result;
  });
}

/** Writes a document. Marks the rows that depend on the old or the new document, or applies the change to them. */
async function write(execution: MutationExecution, method: Method, named: string, args: unknown[]): Promise<unknown> {
  const { app, db } = execution;
  const raw = db as unknown as RawDb;
  const isInsert = method === "insert";
  const id = args.at(method === "delete" ? -1 : -2);
  const table = named || tableOfId(db, id, await trackedTables(execution));
  // A row is never read without naming its table. If rows counted as documents of any table, they would mark
  // themselves.
  const tables = app.views.has(table) ? [table] : [table, ANY_TABLE];
  const shapes = app.isTracking ? await shapesOn(execution, tables) : [];
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
    if (shapes.length > 0) await markDependents(execution, shapes, change, markedBy);
  } catch (error) {
    execution.lostInvalidation ??= error;
    throw error;
  }
  return result;
}

/**
 * The document after a write; undefined when it must be read: after an insert, or when a written value is an object
 * (Convex may store another one: it replaces `commitTs`, say).
 */
function storedFrom(method: Method, before: Document, written: Document): Document | undefined {
  if (!before || Object.values(written ?? {}).some(isObject)) return undefined;
  const { _id, _creationTime } = before;
  const after: NonNullable<Document> = { ...(method === "patch" ? before : { _id, _creationTime }), ...written };
  for (const name in after) if (after[name] === undefined) delete after[name];
  return after;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
