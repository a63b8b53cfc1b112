import { forbid, readOnly } from "../model/execution.js";
import type { AnyQueryCtx, AnyReader, Bounds } from "../schema.js";
import { ANY_TABLE, type Document, type Equals } from "./dependency.js";
import type { Recorder } from "./recorder.js";

/** What wants to know what a compute reads. */
export interface Watcher {
  /** The view's name, for messages. */
  view: string;
  /** Where an id may be of that is read without its table. */
  tables: readonly string[];
  /** What to record of documents that are about to be read. */
  recorder?: Recorder | undefined;
  /** What `compute` gets in place of the documents of a table; absent where it gets them as they are. */
  lookAt(table: string): Look | undefined;
}

type Look = (document: NonNullable<Document>) => unknown;
type Step = [kind: string, field: string, value: never];
type Range = (equals: Equals, bounds?: Bounds) => void;

const OWN_TABLE = /^lazy(Effects|Sweeps|Tags|Runs|Pages|Turns|Health|Dependencies|Shapes)$/;

/** The ctx for a compute whose reads are watched. */
export function watchReads(ctx: AnyQueryCtx, { view, tables, recorder, lookAt }: Watcher): AnyQueryCtx {
  const { db } = ctx;
  const refuse = (what: string) => {
    const error = new Error(
      `view "${view}": compute uses ${what}, which cannot be tracked. Declare the view's sources ({} for none), and use ` +
        "tags or olderThan() for what no table tells.",
    );
    return recorder?.refuse(error) ?? error;
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
        const tableOf = (id: string) => tables.find((name) => db.normalizeId(name, id) !== null) ?? ANY_TABLE;
        const [table, id] = second === undefined ? [tableOf(first), first] : [first, second];
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
      // Helpers copy it, and do not use it.
      system: recorder ? forbid({}, ["get", "query"], () => refuse("ctx.db.system")) : db.system,
    } as unknown as AnyReader,
  });
  return recorder ? forbid(watched, ["runQuery", "storage"], (name) => refuse(`ctx.${name}`)) : watched;
}

/** A query whose first method tells what it reads: an index with its range, or else the whole table. */
function watchQuery(query: object, record: Range | undefined, look: Look | undefined): object {
  return new Proxy(query, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        if (/^with(Search)?Index$/.test(String(name)) && args[1]) args[1] = watchRange(args[1] as never, record);
        else record?.([]);
        const result: unknown = method.apply(target, args);
        if (!(result instanceof Promise)) return watchQuery(result as object, undefined, look);
        return look ? result.then((found) => lookThrough(String(name), found, look)) : result;
      };
    },
  });
}

/** A range whose steps are recorded, and then taken with Convex's own builder. */
function watchRange(range: (builder: object) => unknown, record: Range | undefined) {
  return (builder: object) => {
    const { steps } = range(recordSteps([])) as { steps: readonly Step[] };
    const equals = steps.flatMap(([kind, field, value]) => (kind === "eq" ? [[field, value] as const] : []));
    const bounds = steps.filter(([kind]) => /^[gl]te?$/.test(kind));
    const [, field = ""] = bounds[0] ?? [];
    record?.(equals, {
      field,
      bounds: bounds.map(([kind, , value]) => (value === undefined ? [kind] : [kind, value])),
    });
    return steps.reduce(
      (to, [kind, ...args]) => (to as Record<string, (...args: unknown[]) => object>)[kind]?.(...args) as object,
      builder,
    );
  };
}

function recordSteps(steps: readonly Step[]): object {
  const take = (kind: string) => (field: string, value: never) => recordSteps([...steps, [kind, field, value]]);
  const kinds = ["eq", "gt", "gte", "lt", "lte", "search"];
  return { steps, ...Object.fromEntries(kinds.map((kind) => [kind, take(kind)])) };
}

/** Replaces the documents in what a method of a query returns. */
async function lookThrough(method: string, found: unknown, look: Look): Promise<unknown> {
  if (Array.isArray(found)) return await Promise.all(found.map(look));
  if (typeof found !== "object" || found === null) return found;
  if (method === "paginate")
    return { ...found, page: await lookThrough("take", (found as { page: unknown }).page, look) };
  if (method !== "next" && method !== "return") return await look(found as NonNullable<Document>);
  return { ...found, value: await lookThrough("first", (found as { value?: unknown }).value, look) };
}
