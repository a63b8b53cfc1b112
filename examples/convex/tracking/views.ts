import { v } from "convex/values";
import { internalMutation } from "../lazy";
import { docViews } from "./docViews";

/** Within this time, a user's views of a document count once. */
export const VIEW_WINDOW_MINUTES = 5;

/**
 * Counts a view. The library drops effects that repeat inside the window, so this rarely runs in vain. But an effect
 * may arrive late or twice, so the mutation itself makes sure that two counted views of a user are at least a window
 * apart.
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
    // `mostViewed` sorts by the stored counts, so schedule the recompute of this count even if no query reads it.
    await docViews.get(ctx, { doc });
  },
});
