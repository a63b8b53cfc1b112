import { defineView } from "convex-lazy-views";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { docViewsTable } from "./viewTables";

/** How often a document was viewed, over all its users. */
export const docViews = defineView("docViews", {
  table: docViewsTable,
  // Declared, because every viewing writes here, and a write reads fewer documents for a declared source.
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
