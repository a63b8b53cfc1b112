import { defineTable } from "convex/server";
import { v } from "convex/values";
import { docViewsTable } from "./viewTables";

export const trackingTables = {
  docs: defineTable({ title: v.string(), text: v.string() }),

  // One row for each user and document, so that users who read the same document do not conflict. The effect writes it
  // once per window; the user's list and the recompute of `docViews` read it.
  viewings: defineTable({
    doc: v.id("docs"),
    user: v.string(),
    views: v.number(),
    /** When the last view was counted, in ms since 1970. */
    lastViewedAt: v.number(),
  })
    .index("by_doc_and_user", ["doc", "user"])
    .index("by_user", ["user", "lastViewedAt"]),

  docViews: docViewsTable.index("by_views", ["value.views"]),
};
