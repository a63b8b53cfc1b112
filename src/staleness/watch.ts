import type { Mutex } from "../model/mutex.js";
import type { AnyWriter } from "../schema.js";
import { copyOf } from "../values/copy.js";

export type Document = { [field: string]: unknown } | null;

/** One change of one document. `before` or `after` is null where the document does not exist. */
export interface Change {
  table: string;
  before: Document;
  after: Document;
}

/** How changes of watched tables are told. */
export interface Watch {
  /** The tables that are watched. */
  readonly tables: ReadonlyMap<string, unknown>;
  onChange(change: Change): Promise<void>;
  /** A document was written, and what it is now cannot be told. */
  onLost(table: string, error: unknown): Error;
}

type Method = "insert" | "patch" | "replace" | "delete";
type RawDb = Record<Method | "get", (...args: unknown[]) => Promise<unknown>>;

/** How many arguments each method takes, with the table's name before them. */
const NAMED: Record<Method, number> = { insert: 2, patch: 3, replace: 3, delete: 2 };

/**
 * A database for the app: each change of a watched table is told before the next one begins, although a mutation may
 * run writes side by side.
 */
export function watchDb(db: AnyWriter, watch: Watch, mutex: Mutex): AnyWriter {
  const raw = db as unknown as RawDb;
  const write = (method: Method, args: unknown[]) => {
    // Convex tells from the last argument whether the table is named; wrappers hand on one that is undefined.
    if (args.at(-1) === undefined) args.pop();
    if (args.length === NAMED[method] && !watch.tables.has(String(args[0])))
      return mutex.track(() => raw[method](...args));
    // As they are now: the app may go on using its objects while the write waits for its turn.
    const written = args.map(copyOf);
    return mutex.run(() => writeWatched(db, watch, method, written));
  };
  return {
    get: (...args: unknown[]) => mutex.track(() => raw.get(...args)),
    query: (table: string) => trackQuery(db.query(table), mutex),
    insert: (...args: unknown[]) => write("insert", args),
    patch: (...args: unknown[]) => write("patch", args),
    replace: (...args: unknown[]) => write("replace", args),
    delete: (...args: unknown[]) => write("delete", args),
    ...passedOn(db),
  } as unknown as AnyWriter;
}

/** A query whose reads the mutex knows of. */
function trackQuery<Query extends object>(query: Query, mutex: Mutex): Query {
  return new Proxy(query, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        const result: unknown = method.apply(target, args);
        if (result instanceof Promise) return mutex.track(() => result);
        return typeof result === "object" && result !== null ? trackQuery(result, mutex) : result;
      };
    },
  });
}

/** The same for work that has its turn. */
export function watchDbInTurn(db: AnyWriter, watch: Watch): AnyWriter {
  return {
    get: db.get.bind(db),
    query: db.query.bind(db),
    insert: (...args: unknown[]) => writeWatched(db, watch, "insert", args),
    patch: (...args: unknown[]) => writeWatched(db, watch, "patch", args),
    replace: (...args: unknown[]) => writeWatched(db, watch, "replace", args),
    delete: (...args: unknown[]) => writeWatched(db, watch, "delete", args),
    ...passedOn(db),
  } as unknown as AnyWriter;
}

function passedOn(db: AnyWriter) {
  return { normalizeId: db.normalizeId.bind(db), system: db.system, vars: db.vars };
}

async function writeWatched(db: AnyWriter, watch: Watch, method: Method, args: unknown[]): Promise<unknown> {
  const raw = db as unknown as RawDb;
  const isNamed = args.length === NAMED[method];
  const id = method === "insert" ? "" : String(args[isNamed ? 1 : 0]);
  const table = isNamed ? String(args[0]) : tableOf(db, watch, id);
  if (table === undefined || !watch.tables.has(table)) return await raw[method](...args);
  const readBack = async (written: string) => {
    try {
      return (await raw.get(table, written)) as Document;
    } catch (error) {
      throw watch.onLost(table, error);
    }
  };
  if (method === "insert") {
    const inserted = String(await raw.insert(...args));
    await watch.onChange({ table, before: null, after: await readBack(inserted) });
    return inserted;
  }
  const before = (await raw.get(table, id)) as Document;
  await raw[method](...args);
  let after: Document | undefined = null;
  if (method !== "delete") after = storedFrom(method, before, args.at(-1) as Document) ?? (await readBack(id));
  await watch.onChange({ table, before, after });
  return undefined;
}

function tableOf(db: AnyWriter, watch: Watch, id: string): string | undefined {
  for (const table of watch.tables.keys()) if (db.normalizeId(table, id) !== null) return table;
  return undefined;
}

/**
 * What a document is after a write of plain fields, without reading it back: Convex stores these as they are, and drops
 * those that are undefined.
 *
 * @returns Undefined when a value is of another kind: the placeholder of a commit's timestamp, or an object.
 */
function storedFrom(method: "patch" | "replace", before: Document, written: Document): Document | undefined {
  const fields = Object.entries(written ?? {});
  if (before === null || fields.some(([, value]) => typeof value === "object" && value !== null)) return undefined;
  const { _id, _creationTime } = before;
  const after: NonNullable<Document> = method === "patch" ? { ...before } : { _id, _creationTime };
  for (const [name, value] of fields) {
    if (value === undefined) delete after[name];
    else after[name] = value;
  }
  return after;
}
