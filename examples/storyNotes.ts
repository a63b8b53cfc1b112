import { convexToJson, type JSONValue } from "convex/values";
import type { MetDocument } from "./backend/recorder";
import schema from "./convex/schema";

/** What the trace of the demo says of a row of a view that a function met. */
export interface RowNote {
  view: string;
  args: JSONValue;
  /** Whether it was stale, or is now. */
  stale: boolean;
  /** Whether the function wrote it. */
  written: boolean;
}

/** What it says of a tag that a function invalidated. */
export interface TagNote {
  tag: string;
}

/** What the demo's page has to know of documents: rows of views, which become stale and fresh, and tags. */
export function noteOf({ table, document, written }: MetDocument): JSONValue | undefined {
  if (isView(table)) {
    const { args = null, dirtyAt } = document();
    return { view: table, args: convexToJson(args), stale: dirtyAt !== undefined, written } satisfies RowNote;
  }
  if (table === "lazyTags" && written) return { tag: String(document().tag) } satisfies TagNote;
  return undefined;
}

/** Only rows say of which snapshot they are. */
function isView(table: string): boolean {
  const tables: Record<string, { validator: { kind: string; fields?: object } }> = schema.tables;
  return "asOf" in (tables[table]?.validator.fields ?? {});
}
