import { convexToJson, type JSONValue } from "convex/values";
import type { MetDocument } from "./backend/recorder";
import schema from "./convex/schema";

/** What the demo's trace notes about a row of a view that a function read or wrote. */
export interface RowNote {
  view: string;
  args: JSONValue;
  /** Whether the row is stale, as it was read or as it was last written. */
  stale: boolean;
  /** Whether the function wrote it. */
  written: boolean;
}

/** What it notes about a tag that a function invalidated. */
export interface TagNote {
  tag: string;
}

/** The note for a document of a view or of a tag; undefined for others. The demo's page tells its story from these. */
export function noteOf({ table, document, written }: MetDocument): JSONValue | undefined {
  if (isView(table)) {
    const { args = null, dirtyAt } = document();
    return { view: table, args: convexToJson(args), stale: dirtyAt !== undefined, written } satisfies RowNote;
  }
  if (table === "lazyTags" && written) return { tag: String(document().tag) } satisfies TagNote;
  return undefined;
}

/** Whether a table is a view's: only those have a field for the snapshot. */
function isView(table: string): boolean {
  const tables: Record<string, { validator: { kind: string; fields?: object } }> = schema.tables;
  return "asOf" in (tables[table]?.validator.fields ?? {});
}
