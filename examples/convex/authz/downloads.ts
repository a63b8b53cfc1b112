import { ConvexError, v } from "convex/values";
import { api } from "../_generated/api";
import { action } from "../lazy";

/** A link to a document, for a user who may read it. The check stores a missing grant from an action, too. */
export const link = action({
  args: { user: v.string(), doc: v.string() },
  handler: async (ctx, { user, doc }): Promise<string> => {
    const question = { user, relation: "can_read", object: doc };
    const { allowed } = await ctx.runQuery(api.authz.permissions.check, question);
    if (!allowed) throw new ConvexError(`${user} may not read ${doc}.`);
    return `/downloads/${encodeURIComponent(doc)}`;
  },
});
