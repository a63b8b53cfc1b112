import { v } from "convex/values";
import { api } from "../_generated/api";
import { action } from "../lazy";

/** A document as Markdown, for a user who exports it. The query counts the view here too, without a page. */
export const markdown = action({
  args: { user: v.string(), doc: v.id("docs") },
  handler: async (ctx, { user, doc }): Promise<string | null> => {
    const found = await ctx.runQuery(api.tracking.docs.open, { user, doc });
    return found === null ? null : `# ${found.title}\n\n${found.text}\n`;
  },
});
