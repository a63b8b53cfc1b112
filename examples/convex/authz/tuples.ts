import { v } from "convex/values";
import { mutation, query } from "../lazy";
import { googleDrive } from "./googleDrive";
import { tupleValidator } from "./tuple";
import { changeTuples } from "./tupleStore";

const LISTED_TUPLES = 100;

/** The tuples of an object. They are the relations that users were given on the object itself. */
export const list = query({
  args: { object: v.string() },
  handler: async (ctx, { object }) => {
    const tuples = await ctx.db
      .query("tuples")
      .withIndex("by_object", (q) => q.eq("object", object))
      .take(LISTED_TUPLES);
    return tuples.map(({ user, relation }) => ({ user, relation, object }));
  },
});

/** Deletes tuples, then writes tuples. Every later check sees the change. */
export const write = mutation({
  args: {
    writes: v.optional(v.array(tupleValidator)),
    deletes: v.optional(v.array(tupleValidator)),
  },
  handler: async (ctx, { writes = [], deletes = [] }) => {
    await changeTuples(ctx.db, googleDrive, { writes, deletes });
    return null;
  },
});
