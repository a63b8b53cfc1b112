import { defineTable } from "convex/server";
import { tupleFields } from "./tuple";
import { grantsTable } from "./viewTables";

export const authzTables = {
  // The stored facts: a user has a relation to an object. Write them only in mutations of `lazy.ts`: a write with
  // Convex's own `mutation` would invalidate no grants.
  tuples: defineTable(tupleFields).index("by_object", ["object", "relation", "user"]),

  grants: grantsTable,
};
