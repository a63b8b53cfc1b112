import type { GenericSchema, SchemaDefinition } from "convex/server";
import { type JSONValue, jsonToConvex } from "convex/values";
import { type Bound, type Document, type Interval, type Place, placeOf } from "./readSet";

type Schema = SchemaDefinition<GenericSchema, boolean>;

/** A query as functions pass it to the system calls `queryStream` and `queryPage`. */
export interface SerializedQuery {
  source:
    | { type: "FullTableScan"; tableName: string; order: "asc" | "desc" | null }
    | {
        type: "IndexRange";
        indexName: string;
        range: { type: Bound["type"]; fieldPath: string; value: JSONValue }[];
        order: "asc" | "desc" | null;
      }
    | { type: "Search"; indexName: string };
  operators: ({ filter: JSONValue } | { limit: number })[];
}

/** How far a page of a paginated query reached. */
export interface PageReach {
  cursor: string | null;
  endCursor: string | null;
  isDone: boolean;
  continueCursor: string;
}

/** convex-test's cursor for the end of a range. */
export const END_CURSOR = "_end_cursor";

/** The interval that covers a whole table. */
export function wholeTable(table: string): Interval {
  return { table, fields: [], bounds: [], order: "asc" };
}

/**
 * The part of an index that a query has read after it got `count` documents, the last of them
 * `last`. Null if it has not asked for any.
 */
export function streamInterval(
  schema: Schema,
  query: SerializedQuery,
  read: { count: number; last: Document | null; done: boolean },
): Interval | null {
  const interval = fullInterval(schema, query);
  const limit = query.operators.find((operator) => "limit" in operator)?.limit;
  const exhausted = read.done && (limit === undefined || read.count < limit);
  if (exhausted || query.source.type === "Search") return interval;
  if (read.last === null) return null;
  return { ...interval, upTo: placeOf(read.last, interval.fields) };
}

/** The part of an index that one page of a paginated query read. */
export function pageInterval(schema: Schema, query: SerializedQuery, reach: PageReach): Interval | null {
  if (reach.cursor === END_CURSOR) return null;
  const interval = fullInterval(schema, query);
  if (query.source.type === "Search") return interval;
  const end = reach.endCursor ?? (reach.isDone ? END_CURSOR : reach.continueCursor);
  return {
    ...interval,
    ...(reach.cursor === null ? {} : { after: decodeCursor(reach.cursor) }),
    ...(end === END_CURSOR ? {} : { upTo: decodeCursor(end) }),
  };
}

function fullInterval(schema: Schema, { source }: SerializedQuery): Interval {
  if (source.type === "FullTableScan") {
    return {
      table: source.tableName,
      fields: ["_creationTime", "_id"],
      bounds: [],
      order: source.order ?? "asc",
    };
  }
  const [table = "", index = ""] = source.indexName.split(".");
  if (source.type === "Search") return wholeTable(table);
  return {
    table,
    fields: indexFields(schema, table, index),
    bounds: source.range.map(({ type, fieldPath, value }) => ({
      type,
      fieldPath,
      value: isUndefined(value) ? undefined : jsonToConvex(value),
    })),
    order: source.order ?? "asc",
  };
}

function indexFields(schema: Schema, table: string, index: string): readonly string[] {
  if (index === "by_id") return ["_id"];
  if (index === "by_creation_time") return ["_creationTime", "_id"];
  const declared = schema.tables[table]?.[" indexes"]();
  const fields = declared?.find((candidate) => candidate.indexDescriptor === index)?.fields ?? [];
  return [...fields, "_creationTime", "_id"];
}

/** convex-test's cursors hold the index key of the last document, value by value. */
export function decodeCursor(cursor: string): Place {
  const parts = JSON.parse(cursor) as (string | null)[];
  return parts.map((part) => (part === null ? undefined : jsonToConvex(JSON.parse(part))));
}

function isUndefined(value: JSONValue): boolean {
  return typeof value === "object" && value !== null && "$undefined" in value;
}
