import { v } from "convex/values";
import { viewTable } from "convex-lazy-views";

/** How often a document was viewed, over all its users. */
export const docViewsTable = viewTable({
  key: { doc: v.id("docs") },
  value: {
    views: v.number(),
    viewers: v.number(),
    /** In ms since 1970; null before the first view. */
    lastViewedAt: v.union(v.number(), v.null()),
  },
});
