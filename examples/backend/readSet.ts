import { CommitTsPlaceholder, compareValues, type Value } from "convex/values";

/** A stored document. */
export type Document = Record<string, Value>;

/** One bound of an index range, as `withIndex` gives it. */
export interface Bound {
  type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte";
  fieldPath: string;
  value: Value | undefined;
}

/** The values of an index's fields: a place in the order of that index. */
export type Place = readonly (Value | undefined)[];

/** The part of an index that was read, in the direction it was read. */
export interface Interval {
  /** As `qualify` names it, because components may have tables of the same name. */
  table: string;
  /** The index's fields, down to `_id`; empty when the whole table counts as read. */
  fields: readonly string[];
  bounds: readonly Bound[];
  order: "asc" | "desc";
  /** The read began behind this place. */
  after?: Place;
  /** The read ended with this place. */
  upTo?: Place;
}

/** What a transaction did to one document. */
export interface Change {
  /** Id and table as `qualify` names them. */
  id: string;
  table: string;
  before: Document | null;
  after: Document | null;
}

/**
 * What one execution depends on. As in Convex, a range that was not read to its end
 * (`first`, `take`, a page) counts only up to the last document read, and documents that a
 * `filter` dropped count as read.
 */
export class ReadSet {
  private readonly intervals = new Map<string, Interval[]>();

  /** @param documents ids as `qualify` names them, and names of other things that were read, such as variables. */
  constructor(
    private readonly documents: ReadonlySet<string>,
    intervals: Iterable<Interval>,
  ) {
    for (const interval of intervals) {
      const known = this.intervals.get(interval.table);
      if (known === undefined) this.intervals.set(interval.table, [interval]);
      else known.push(interval);
    }
  }

  /** Whether the changes could change the result of an execution with this read set. */
  intersects(changes: readonly Change[]): boolean {
    return changes.some(
      (change) =>
        this.documents.has(change.id) ||
        this.intervals
          .get(change.table)
          ?.some((interval) => contains(interval, change.before) || contains(interval, change.after)),
    );
  }
}

/** Stands for all environment variables, also those that are not set yet. */
export const ALL_VARIABLES = "*";

/** The id under which an environment variable is read. */
export function variableId(name: string): string {
  return `process.env.${name}`;
}

/** The change of an environment variable, as a read set sees it. */
export function variableChange(name: string): Change {
  return { id: variableId(name), table: "_environment_variables", before: null, after: null };
}

/** The document's place in an index with these fields. */
export function placeOf(document: Document, fields: readonly string[]): Place {
  return fields.map((field) => valueAt(document, field));
}

function contains(interval: Interval, document: Document | null): boolean {
  if (document === null) return false;
  return (
    interval.bounds.every((bound) => satisfies(document, bound)) &&
    (interval.after === undefined || position(interval, document, interval.after) !== "before") &&
    (interval.upTo === undefined || position(interval, document, interval.upTo) !== "behind")
  );
}

function satisfies(document: Document, bound: Bound): boolean {
  const value = valueAt(document, bound.fieldPath);
  if (isPending(value)) return true;
  const order = compareValues(value, bound.value);
  switch (bound.type) {
    case "Eq":
      return order === 0;
    case "Gt":
      return order > 0;
    case "Gte":
      return order >= 0;
    case "Lt":
      return order < 0;
    case "Lte":
      return order <= 0;
  }
}

/**
 * The document's position relative to `place`, in the direction of the read. A document exactly
 * at `place` counts as "before", because it is the last one that was read.
 */
function position(interval: Interval, document: Document, place: Place): "before" | "behind" | "unknown" {
  for (const [index, field] of interval.fields.entries()) {
    const value = valueAt(document, field);
    if (isPending(value)) return "unknown";
    const order = compareValues(value, place[index]);
    if (order !== 0) return order > 0 === (interval.order === "asc") ? "behind" : "before";
  }
  return "before";
}

/**
 * A commit timestamp gets its value only when the transaction commits. Its changes are compared
 * with read sets before that, so here it may be anywhere in an index.
 */
function isPending(value: Value | undefined): boolean {
  return (value as unknown) instanceof CommitTsPlaceholder;
}

function valueAt(document: Document, fieldPath: string): Value | undefined {
  let value: Value | undefined = document;
  for (const name of fieldPath.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    if (Array.isArray(value) || value instanceof ArrayBuffer) return undefined;
    value = (value as Record<string, Value | undefined>)[name];
  }
  return value;
}
