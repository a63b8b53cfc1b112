import type { ViewDefinition } from "../model/definition.js";
import { type Execution, forbid, readOnly } from "../model/execution.js";
import type { AnyReader, Bounds } from "../schema.js";
import { isPlainObject } from "../values/copy.js";
import { ANY_TABLE, type Document, type Equals } from "./dependency.js";
import type { Recorder } from "./recorder.js";

/** Returns what a compute gets in place of a document. */
type Look = (document: NonNullable<Document>) => unknown;
type LookAt = (table: string) => Look | undefined;
type Through = (name: string, args: unknown[], call: () => unknown) => unknown;
type Step = [kind: string, field: string, value: never];
type Range = (equals: Equals, bounds?: Bounds) => void;

/** The methods of a query whose result has the documents in one of its fields. */
const PARTS: Record<string, string> = { paginate: "page", next: "value", return: "value" };

const OWN_TABLE = /^lazy(Effects|Sweeps|Tags|Runs|Pages|Turns|Tail|Health|Dependencies|Shapes)$/;

/** The ctx for a compute: `lookAt` sees what it reads, and the recorder, if there is one, records it. */
export function watchReads(execution: Execution, { name }: ViewDefinition, lookAt: LookAt, recorder?: Recorder) {
  const { app, reader: ctx } = execution;
  const { db } = ctx;
  const refuse = (what: string) => {
    const remedy = "Declare the view's sources ({} for none), and use tags or olderThan() for other changes.";
    const error = new Error(`view "${name}": compute uses ${what}, which cannot be tracked. ${remedy}`);
    if (recorder) recorder.untracked ??= error;
    return error;
  };
  const enter = (table: string) => {
    if (recorder && OWN_TABLE.test(table)) throw refuse(`the library's table "${table}"`);
  };
  const watched = readOnly({
    ...ctx,
    db: {
      ...db,
      get: async (...args: [string, string?]) => {
        const [first, second] = args;
        const tables = () => [...app.views.keys(), ...app.dependents.keys()];
        const [table, id] = second === undefined ? [tableOfId(db, first, tables()), first] : [first, second];
        enter(table);
        recorder?.read(table, [["_id", id]]);
        const document: Document = await (db.get as (...args: unknown[]) => Promise<Document>)(...args);
        return document && (lookAt(table)?.(document) ?? document);
      },
      query: (table: string) => {
        enter(table);
        const record: Range | undefined = recorder && ((...range) => recorder.read(table, ...range));
        const look = lookAt(table);
        const query = db.query(table);
        return record || look ? watchQuery(query, record, look) : query;
      },
      // Its methods throw, not the property: helpers of other libraries copy the property, and do not use it.
      system: recorder ? forbid({}, ["get", "query"], () => refuse("ctx.db.system")) : db.system,
    } as unknown as AnyReader,
  });
  return recorder ? forbid(watched, ["runQuery", "storage"], (name) => refuse(`ctx.${name}`)) : watched;
}

/** A query that records what it reads when its first method is called: a range of an index, or the whole table. */
function watchQuery(query: object, record: Range | undefined, look: Look | undefined): object {
  return intercept(query, (name, args, call) => {
    if (/^with(Search)?Index$/.test(name) && args[1]) args[1] = watchRange(args[1] as never, record);
    else record?.([]);
    const result = call();
    if (!(result instanceof Promise)) return watchQuery(result as object, undefined, look);
    return look ? result.then((found) => lookThrough(name, found, look)) : result;
  });
}

/** A proxy of an object. Each call of a method goes through `through`, which makes the call itself. */
export function intercept<Target extends object>(object: Target, through: Through): Target {
  return new Proxy(object, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => through(String(name), args, () => method.apply(target, args));
    },
  });
}

/** The table of an id; "" when it is of none of these tables. */
export function tableOfId(db: AnyReader, id: unknown, tables: Iterable<string>): string {
  return [...tables].find((name) => db.normalizeId(name, String(id)) !== null) ?? ANY_TABLE;
}

/** A range whose steps are recorded. */
function watchRange(range: (builder: object) => unknown, record: Range | undefined) {
  return (builder: object) => {
    const steps: Step[] = [];
    let last = builder;
    const follow = (to: object): object =>
      intercept(to, (kind, args, call) => {
        steps.push([kind, ...args] as Step);
        last = call() as object;
        return follow(last);
      });
    const result = range(follow(builder));
    const equals = steps.flatMap(([kind, field, value]) => (kind === "eq" ? [[field, value] as const] : []));
    const bounds = steps.filter(([kind]) => /^[gl]te?$/.test(kind));
    record?.(equals, {
      field: bounds[0]?.[1] ?? "",
      bounds: bounds.map(([kind, , value]) => (value === undefined ? [kind] : [kind, value])),
    });
    // Convex must get its own builder, not the one that records.
    return result && last;
  };
}

/** Replaces the documents in the result of a query's method. */
async function lookThrough(method: string, found: unknown, look: Look): Promise<unknown> {
  if (Array.isArray(found)) return await Promise.all(found.map(look));
  if (!isPlainObject(found)) return found;
  const part = PARTS[method];
  return part ? { ...found, [part]: await lookThrough("", found[part], look) } : await look(found);
}
