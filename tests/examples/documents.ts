import type { GenericDatabaseReader } from "convex/server";
import type { DataModel } from "../../examples/convex/_generated/dataModel.js";
import schema from "../../examples/convex/schema.js";

/** Every document of every table of the example app, to compare before and after. */
export async function allDocuments({ db }: { db: GenericDatabaseReader<DataModel> }) {
  const tables = Object.keys(schema.tables) as (keyof typeof schema.tables)[];
  return await Promise.all(tables.map((table) => db.query(table).collect()));
}
