import type { GenericDatabaseReader, GenericDataModel } from "convex/server";
import type { GenericId } from "convex/values";
import type { ViewDefinition } from "./definition.js";
import type { Key } from "./keys.js";
import type { Row } from "./viewTable.js";

/** A row as it is stored. */
export type StoredRow = Row & { _id: GenericId<string>; _creationTime: number };

/** The key that a row stands for. */
export function keyOfRow({ args, key }: StoredRow): Key {
  return { args: args as Key["args"], text: key };
}

/**
 * The row of a key: one document, one index range.
 *
 * @throws Error with the remedy, when the table or its index is not in the schema.
 */
export async function findRow(
  db: GenericDatabaseReader<GenericDataModel>,
  view: Pick<ViewDefinition, "name">,
  text: string,
): Promise<StoredRow | null> {
  try {
    const row = await db
      .query(view.name)
      .withIndex("by_key", (q) => q.eq("key", text))
      .first();
    return row as StoredRow | null;
  } catch (error) {
    throw new Error(
      `view "${view.name}": its rows could not be read. Does convex/schema.ts have ` +
        `${view.name}: ${view.name}Table, made by viewTable()? (${error instanceof Error ? error.message : error})`,
      { cause: error },
    );
  }
}
