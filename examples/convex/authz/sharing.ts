import { ConvexError, v } from "convex/values";
import { mutation } from "../lazy";
import { checkQuestion } from "./check";
import { googleDrive } from "./googleDrive";
import { grants } from "./grants";
import { changeTuples } from "./tupleStore";

/**
 * Makes a user a viewer of a document, on behalf of a user who may share it.
 *
 * @returns Whether the viewer can read it now: a check sees the writes of its own mutation.
 */
export const share = mutation({
  args: { by: v.string(), doc: v.string(), viewer: v.string() },
  handler: async (ctx, { by, doc, viewer }) => {
    const sharing = { user: by, relation: "can_share", object: doc };
    const reading = { user: viewer, relation: "can_read", object: doc };
    for (const question of [sharing, reading]) checkQuestion(googleDrive, question);
    if (!(await grants.get(ctx, sharing)).allowed) {
      throw new ConvexError(`${by} may not share ${doc}.`);
    }
    const writes = [{ ...reading, relation: "viewer" }];
    await changeTuples(ctx.db, googleDrive, { deletes: [], writes });
    return (await grants.get(ctx, reading)).allowed;
  },
});
