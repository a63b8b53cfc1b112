import { defineTable } from "convex/server";
import { v } from "convex/values";
import { filmFields } from "./film";
import { movieSearchTable } from "./viewTables";

export const searchTables = {
  movies: defineTable({
    ...filmFields,
    /** The title for sorting and for search by its beginning: see `titleKey`. */
    titleKey: v.string(),
  }).index("by_title", ["titleKey"]),

  movieSearch: movieSearchTable.searchIndex("by_text", { searchField: "value.text" }),
};
