import { v } from "convex/values";
import { internal } from "../_generated/api";
import { mutation, query } from "../lazy";
import { docViews } from "./docViews";
import { VIEW_WINDOW_MINUTES } from "./views";

const LISTED_DOCS = 20;
const MOST_VIEWED = 10;

/** Adds a document. */
export const add = mutation({
  args: { title: v.string(), text: v.string() },
  handler: async (ctx, doc) => await ctx.db.insert("docs", doc),
});

/** The documents, the newest first. */
export const list = query({
  args: {},
  handler: async (ctx) => {
    const docs = await ctx.db.query("docs").order("desc").take(LISTED_DOCS);
    return docs.map(({ _id, title }) => ({ doc: _id, title }));
  },
});

/**
 * A document, for a user who opens it. The query schedules the effect that counts the view. It must not read the count:
 * a new view would then run the query again for everyone who has the document open, and count their views too, once
 * their windows are over.
 */
export const open = query({
  args: { user: v.string(), doc: v.id("docs") },
  handler: async (ctx, { user, doc }) => {
    const found = await ctx.db.get("docs", doc);
    if (found === null) return null;
    ctx.scheduleEffect(internal.tracking.views.viewed, { user, doc }, { window: { minutes: VIEW_WINDOW_MINUTES } });
    return { title: found.title, text: found.text };
  },
});

/** The stored view count of a document, with its freshness. A stored row costs one document read. */
export const stats = query({
  args: { doc: v.id("docs") },
  handler: async (ctx, { doc }) => await docViews.read(ctx, { doc }),
});

/** The most viewed documents. */
export const mostViewed = query({
  args: {},
  handler: async (ctx) => {
    const rows = await docViews.readRows(
      ctx,
      ctx.db
        .query("docViews")
        .withIndex("by_views", (q) => q.gt("value.views", 0))
        .order("desc")
        .take(MOST_VIEWED),
    );
    return await Promise.all(
      rows.map(async ({ key, value, state }) => ({
        doc: key.doc,
        title: (await ctx.db.get("docs", key.doc))?.title ?? null,
        views: value?.views ?? null,
        state,
      })),
    );
  },
});

/** The documents of a user, the last viewed first. From `countsAgainAt` on, a new view of the document counts. */
export const lastViewed = query({
  args: { user: v.string() },
  handler: async (ctx, { user }) => {
    const viewings = await ctx.db
      .query("viewings")
      .withIndex("by_user", (q) => q.eq("user", user))
      .order("desc")
      .take(LISTED_DOCS);
    return await Promise.all(
      viewings.map(async ({ doc, views, lastViewedAt }) => ({
        doc,
        title: (await ctx.db.get("docs", doc))?.title ?? null,
        views,
        lastViewedAt,
        countsAgainAt: lastViewedAt + VIEW_WINDOW_MINUTES * 60_000,
      })),
    );
  },
});
