import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import type { Value } from "convex/values";

type Writer = GenericMutationCtx<GenericDataModel>["db"];
type Document = { [field: string]: Value | undefined };

/** Thrown by a new document that is asked for its `_creationTime`, which nobody has read yet. */
export class CreationTimeUnknown extends Error {}

/**
 * The database that `Triggers` of convex-helpers writes to. It reads a document back after each write, to tell its
 * functions what the document is now; here that read is answered from what was written, so that it costs nothing.
 *
 * Triggers reads, writes and reads again, one document at a time: what is known of a document is used up by the very
 * next read of it.
 *
 * @param canLackCreationTime - Whether those who hear of a table's new documents can do without `_creationTime`,
 * which only Convex knows.
 */
export function frugalWriter(db: Writer, canLackCreationTime: (table: string) => boolean): Writer {
  const before = new Map<string, Document | null>();
  const after = new Map<string, Document>();
  const call = db as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;

  const get = async (...args: unknown[]) => {
    const id = String(args.at(-1));
    const known = after.get(id);
    if (known !== undefined) {
      after.delete(id);
      return known;
    }
    const found = await call.get?.(...args);
    before.set(id, found as Document | null);
    return found;
  };
  const insert = async (table: string, value: Document) => {
    const id = await db.insert(table, value as never);
    if (canLackCreationTime(table) && isPlain(value)) {
      after.set(id, withoutCreationTime({ ...value, _id: id }));
    }
    return id;
  };
  const writing =
    (method: "patch" | "replace", merge: (old: Document, value: Document) => Document) =>
    async (...args: unknown[]) => {
      const [id, value] = args.slice(-2) as [string, Document];
      const old = before.get(id) ?? null;
      before.delete(id);
      await call[method]?.(...args);
      if (old !== null && isPlain(value)) after.set(id, withoutUndefined(merge(old, value)));
    };
  return {
    insert,
    get,
    patch: writing("patch", (old, value) => ({ ...old, ...value })),
    replace: writing("replace", (old, value) => ({
      ...value,
      _id: old._id,
      _creationTime: old._creationTime,
    })),
    delete: db.delete.bind(db),
    query: db.query.bind(db),
    normalizeId: db.normalizeId.bind(db),
    system: db.system,
    vars: db.vars,
  } as Writer;
}

function withoutCreationTime(document: Document): Document {
  return Object.defineProperty(withoutUndefined(document), "_creationTime", {
    enumerable: true,
    get() {
      throw new CreationTimeUnknown("The creation time of this new document has not been read.");
    },
  });
}

/** A plain object as it is stored: without fields that are undefined, also of the objects inside. */
function withoutUndefined<T extends Document>(object: T): T {
  const fields = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields.map(([name, value]) => [name, stored(value)])) as T;
}

function stored(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stored);
  return isObject(value) ? withoutUndefined(value) : value;
}

/** Whether a value is stored as it is: the placeholder of a commit timestamp, say, is not. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  return isObject(value) && Object.values(value).every(isPlain);
}

/** Whether a value is an object of Convex's: not an instance of a class. */
function isObject(value: unknown): value is Document {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
