import { mutation } from "../lazy";
import { googleDrive } from "./googleDrive";
import { sampleTuples } from "./sample";
import { changeTuples } from "./tupleStore";

/** Loads the sample in place of all tuples that are there. */
export const load = mutation({
  args: {},
  handler: async (ctx) => {
    const deletes = await ctx.db.query("tuples").collect();
    await changeTuples(ctx.db, googleDrive, { deletes, writes: sampleTuples });
    return sampleTuples.length;
  },
});
