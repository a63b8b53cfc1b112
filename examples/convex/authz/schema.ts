import { defineTable } from "convex/server";
import { tupleFields } from "./tuple";
import { grantsTable } from "./viewTables";

export const authzTables = {
  // Who has which relation to what, as it was given. Written by `tuples.write`, and by nothing that bypasses
  // `lazy.mutation`, or grants would not notice.
  tuples: defineTable(tupleFields).index("by_object", ["object", "relation", "user"]),

  grants: grantsTable,
};
