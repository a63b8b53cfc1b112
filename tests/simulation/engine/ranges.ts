import { compareValues, jsonToConvex, type Value } from "convex/values";
import type { SerializedQuery } from "../../../examples/backend/intervals";
import { type Document, type Place, placeOf } from "../../../examples/backend/readSet";
import { resolvePending, type Store } from "./store.js";

/** A commit timestamp that is not known yet is greater than all others. */
const UNKNOWN_TS = 2n ** 63n - 1n;

/** What a query asks for: a part of an index. */
export interface Range {
  table: string;
  index: string;
  fields: readonly string[];
  direction: "asc" | "desc";
  limit: number;
  /** Where a place is: before the range (negative), in it (0), or behind it (positive). */
  order(place: Place): number;
}

/** @throws Error for what this engine does not model: filters and search. */
export function rangeOf(store: Store, { source, operators }: SerializedQuery): Range {
  if (source.type === "Search" || operators.some((operator) => "filter" in operator)) {
    throw new Error("The simulation models neither search indexes nor .filter().");
  }
  const limits = operators.map((operator) => ("limit" in operator ? operator.limit : 0));
  const common = { direction: source.order ?? "asc", limit: Math.min(...limits) } as const;
  if (source.type === "FullTableScan") {
    const [table, index] = [source.tableName, "by_creation_time"];
    const fields = store.indexFields(table, index);
    return { ...common, table, index, fields, order: () => 0 };
  }
  const [table = "", index = ""] = source.indexName.split(".");
  const fields = store.indexFields(table, index);
  const bounds = source.range.map(({ type, fieldPath, value }) => ({
    type,
    at: fields.indexOf(fieldPath),
    value: isUndefined(value) ? undefined : jsonToConvex(value),
  }));
  return {
    ...common,
    table,
    index,
    fields,
    order: (place) => {
      for (const { type, at, value } of bounds) {
        const order = compareValues(place[at], value);
        if (order < 0 && (type === "Eq" || type === "Gt" || type === "Gte")) return -1;
        if (order > 0 && (type === "Eq" || type === "Lt" || type === "Lte")) return 1;
        if (order === 0 && type === "Gt") return -1;
        if (order === 0 && type === "Lt") return 1;
      }
      return 0;
    },
  };
}

/** A document's place in an index with these fields. */
export function indexPlace(document: Document, fields: readonly string[]): Place {
  return placeOf(document, fields).map((value) =>
    value === undefined ? undefined : resolvePending(value as Value, UNKNOWN_TS),
  );
}

function isUndefined(value: unknown): boolean {
  return typeof value === "object" && value !== null && "$undefined" in value;
}
