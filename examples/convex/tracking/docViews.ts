import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";

/** How often a document was viewed, over all its users: the table (shape) … */
export const docViewsTable = viewTable({
  key: { doc: v.id("docs") },
  value: {
    views: v.number(),
    viewers: v.number(),
    /** In ms since 1970; null when nobody has viewed it. */
    lastViewedAt: v.union(v.number(), v.null()),
  },
});

/** … and the view (behaviour). */
export const docViews = defineView("docViews", {
  table: docViewsTable,
  // Declared, as each view of a document writes here, and such a write reads less than if the view were tracked.
  sources: { viewings: (viewing: Doc<"viewings">) => [{ doc: viewing.doc }] },
  window: { seconds: 2 },
  compute: async (ctx: QueryCtx, { doc }) => {
    const viewings = await ctx.db
      .query("viewings")
      .withIndex("by_doc_and_user", (q) => q.eq("doc", doc))
      .collect();
    return {
      views: viewings.reduce((sum, { views }) => sum + views, 0),
      viewers: viewings.length,
      lastViewedAt: viewings.length === 0 ? null : Math.max(...viewings.map((viewing) => viewing.lastViewedAt)),
    };
  },
});
