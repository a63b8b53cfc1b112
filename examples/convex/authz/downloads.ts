import { ConvexError, v } from "convex/values";
import { api } from "../_generated/api";
import { action } from "../lazy";

/** What an action does for a user that may read a document. The check backfills its grant from here too. */
export const link = action({
  args: { user: v.string(), doc: v.string() },
  handler: async (ctx, { user, doc }): Promise<string> => {
    const question = { user, relation: "can_read", object: doc };
    const { allowed } = await ctx.runQuery(api.authz.permissions.check, question);
    if (!allowed) throw new ConvexError(`${user} may not read ${doc}.`);
    return `/downloads/${encodeURIComponent(doc)}`;
  },
});
