import { CommitTsPlaceholder, compareValues, type Value } from "convex/values";
import type { Bounds } from "../schema.js";
import { canonicalText, fromCanonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { startOf } from "../values/describe.js";

/*
 * A dependency is what a compute has read: the documents of a table in which certain fields equal certain values and,
 * perhaps, the next field lies within bounds. Its *shape* is the table and the fields that equal. Its *text* is the
 * shape and the values: by it, a write finds the dependency.
 */

/** Fields, each with the value that it equals; undefined for a missing field. */
export type Equals = readonly (readonly [field: string, value: Value | undefined])[];
/** The bounds are those of the index's next field, after the ones that equal. */
export type Dependency = { text: string; bounds?: Bounds };

export type Document = { [field: string]: unknown } | null;
/** A document before and after a write, or the key of a view that a change concerns. */
export type Sides = { before: Document; after: Document };

/** Stands for the table of a document that was read by its id alone. */
export const ANY_TABLE = "";
/** Longer values are cut after so many characters, and longer bounds are left out. Then more changes match. */
const MAX_VALUES = 1_000;

/** Stands for a table in dependencies on the keys of a view, which other views have read. */
export const keysTable = ({ name }: { name: string }): string => `view ${name}`;

export function dependencyOn(table: string, equals: Equals, bounds?: Bounds): Dependency {
  // Sorted, because another index may have the same fields in another order.
  const sorted = [...equals].sort(([a], [b]) => (a < b ? -1 : 1));
  const shape = JSON.stringify([table, ...sorted.map(([field]) => field)]);
  const values = sorted.map(([, value]) => value);
  const isKept = bounds && bounds.bounds.length > 0 && canonicalText(bounds).length <= MAX_VALUES;
  return { text: textOf(shape, values), ...(isKept && { bounds }) };
}

function textOf(shape: string, values: readonly (Value | undefined)[]): string {
  const texts = values.map((value) => (value === undefined ? "undefined" : canonicalText(value)));
  return `${shape}\n${startOf(texts.join(","), MAX_VALUES)}`;
}

export const shapeOf = (text: string): string => text.slice(0, text.indexOf("\n"));

/** The table of a shape, or of a dependency's text. */
export const tableOf = (shapeOrText: string): string => JSON.parse(shapeOrText.replace(/\n.*/s, ""))[0];

/** The text of a dependency together with its bounds. */
export const identityOf = ({ text, bounds }: Dependency): string => (bounds ? text + canonicalText(bounds) : text);

/** Documents that a row depends on, as {@link View.explain} lists them. */
export interface Documents {
  /** Their table, or the name of a view. Empty for a document that was read by its id alone. */
  table: string;
  /**
   * Fields, each with the value that it equals; `"undefined"` for a missing field. `{}` is the whole table. Absent for
   * declared sources.
   */
  fields?: Record<string, Value>;
  /** The range on the index's next field, such as `{ field: "delay", gte: 10, lt: 20 }`. */
  bounds?: { field: string } & { [Kind in "gt" | "gte" | "lt" | "lte"]?: Value };
  /** More than 64 rows depend on them. So a change does not mark these rows: their reads look up whether one came. */
  shared?: true;
}

/** A dependency, for readers. A key of another view becomes the field `key` of its rows. */
export function toDocuments({ text, bounds }: Dependency): Documents {
  const [table = "", ...fields] = JSON.parse(shapeOf(text)) as string[];
  const cut = text.slice(text.indexOf("\n") + 1);
  const quoted = cut.replace(/"(?:[^"\\]|\\.)*"|undefined/g, (part) => (part === "undefined" ? `"${part}"` : part));
  let values: Value[];
  try {
    values = fromCanonicalText(`[${quoted}]`) as Value[];
  } catch {
    values = fields.map(() => cut); // It was too long.
  }
  return {
    table: table.replace(/^view /, ""),
    fields: Object.fromEntries(fields.map((field, i) => [field, values[i] as Value])),
    ...(bounds && { bounds: { field: bounds.field, ...Object.fromEntries(bounds.bounds) } }),
  };
}

/** The text of the dependencies of a shape that a document matches; undefined while one of its values is not known. */
export function textAt(shape: string, document: NonNullable<Document>): string | undefined {
  const [, ...fields] = JSON.parse(shape) as string[];
  const values = fields.map((field) => valueAt(document, field));
  return values.some((value) => value instanceof CommitTsPlaceholder) ? undefined : textOf(shape, values as Value[]);
}

/** Whether a document lies within bounds. A timestamp that gets its value at the commit counts as within. */
export function isIn(bounds: Bounds | undefined, document: NonNullable<Document>): boolean {
  if (!bounds) return true;
  const value = valueAt(document, bounds.field);
  if (value instanceof CommitTsPlaceholder) return true;
  return bounds.bounds.every(([kind, bound]) => {
    const order = compareValues(value as Value, bound);
    return order === 0 ? /e$/.test(String(kind)) : order > 0 === /^g/.test(String(kind));
  });
}

/** The value at a path; undefined when there is none, as in Convex's indexes. */
function valueAt(document: NonNullable<Document>, path: string): unknown {
  let value: unknown = document;
  for (const name of path.split(".")) {
    if (!isPlainObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
