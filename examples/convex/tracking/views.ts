import { v } from "convex/values";
import { internalMutation } from "../lazy";
import { docViews } from "./docViews";

/** A user counts once per document in this time. */
export const VIEW_WINDOW_MINUTES = 5;

/**
 * Counts a view. The library's ledger drops what repeats inside the window, so this rarely runs in vain; that two
 * views of a user are never counted closer together than the window, however late or often an effect arrives, is
 * ensured here.
 */
export const viewed = internalMutation({
  args: { user: v.string(), doc: v.id("docs") },
  handler: async (ctx, { user, doc }) => {
    if ((await ctx.db.get("docs", doc)) === null) return;
    const viewing = await ctx.db
      .query("viewings")
      .withIndex("by_doc_and_user", (q) => q.eq("doc", doc).eq("user", user))
      .unique();
    const now = Date.now();
    if (viewing === null) {
      await ctx.db.insert("viewings", { doc, user, views: 1, lastViewedAt: now });
    } else if (now - viewing.lastViewedAt >= VIEW_WINDOW_MINUTES * 60_000) {
      const views = viewing.views + 1;
      await ctx.db.patch("viewings", viewing._id, { views, lastViewedAt: now });
    } else return;
    // The list of the most viewed is ordered by the stored counts: have this one recomputed also when nobody reads it.
    await docViews.get(ctx, { doc });
  },
});
