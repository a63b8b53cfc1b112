import type { Mutex } from "../model/mutex.js";
import type { AnyWriter } from "../schema.js";

export type Document = { [field: string]: unknown } | null;

/** One change of one document. `before` or `after` is null where the document does not exist. */
export interface Change {
  table: string;
  id: string;
  before: Document;
  after: Document;
}

/** How changes of watched tables are told. */
export interface Watch {
  isWatched(table: string): boolean;
  tables(): Iterable<string>;
  onChange(change: Change): Promise<void>;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * A database for the app: each change of a watched table is told before the next one begins, although a mutation may
 * run writes side by side.
 */
export function watchDb(db: AnyWriter, watch: Watch, mutex: Mutex): AnyWriter {
  const methods = watchedMethods(db, watch);
  const { get, insert, patch, replace, delete: remove } = methods;
  const inTurn = (method: Method, tableIn: (args: unknown[]) => string | undefined) => {
    return (...args: unknown[]) => {
      const table = tableIn(args);
      const isWatched = table === undefined || watch.isWatched(table);
      return isWatched ? mutex.run(() => method(...args)) : mutex.track(method(...args));
    };
  };
  /** The table among the arguments of a method that takes so many with it. */
  const named = (count: number) => (args: unknown[]) => (args.length === count ? String(args[0]) : undefined);
  return {
    ...passedOn(db),
    get: (...args: unknown[]) => mutex.track(get(...args)),
    query: (table: string) => trackQuery(db.query(table), mutex),
    insert: inTurn(insert, named(2)),
    patch: inTurn(patch, named(3)),
    replace: inTurn(replace, named(3)),
    delete: inTurn(remove, named(2)),
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
        if (result instanceof Promise) return mutex.track(result);
        return typeof result === "object" && result !== null ? trackQuery(result, mutex) : result;
      };
    },
  });
}

/** The same for work that has its turn. */
export function watchDbInTurn(db: AnyWriter, watch: Watch): AnyWriter {
  return {
    ...passedOn(db),
    query: db.query.bind(db),
    ...watchedMethods(db, watch),
  } as unknown as AnyWriter;
}

function passedOn(db: AnyWriter) {
  return { normalizeId: db.normalizeId.bind(db), system: db.system, vars: db.vars };
}

function watchedMethods(db: AnyWriter, watch: Watch) {
  const raw = db as unknown as Record<"get" | "insert" | "patch" | "replace" | "delete", Method>;
  const tableOf = (id: string) => {
    for (const table of watch.tables()) if (db.normalizeId(table, id) !== null) return table;
    return undefined;
  };
  /** A method that takes an id and `operands` more, with or without the table's name before them. */
  const writing =
    (method: "patch" | "replace" | "delete", operands: number): Method =>
    async (...args) => {
      const id = String(args.at(-1 - operands));
      const table = args.length === operands + 2 ? String(args[0]) : tableOf(id);
      if (table === undefined || !watch.isWatched(table)) return await raw[method](...args);
      const before = (await raw.get(table, id)) as Document;
      await raw[method](...args);
      const told = method === "delete" ? null : storedFrom(method, before, args.at(-1) as Document);
      const after = told === undefined ? ((await raw.get(table, id)) as Document) : told;
      await watch.onChange({ table, id, before, after });
      return undefined;
    };
  const insert: Method = async (table, value) => {
    const id = await raw.insert(table, value);
    if (!watch.isWatched(table as string)) return id;
    const after = (await raw.get(table, id)) as Document;
    await watch.onChange({ table: table as string, id: id as string, before: null, after });
    return id;
  };
  return {
    get: raw.get.bind(db),
    insert,
    patch: writing("patch", 1),
    replace: writing("replace", 1),
    delete: writing("delete", 0),
  };
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
