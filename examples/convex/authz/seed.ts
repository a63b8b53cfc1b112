import { mutation } from "../lazy";
import { googleDrive } from "./googleDrive";
import { sampleTuples } from "./sample";
import { changeTuples } from "./tupleStore";

/** Replaces all tuples with those of the sample. */
export const load = mutation({
  args: {},
  handler: async (ctx) => {
    const deletes = await ctx.db.query("tuples").collect();
    await changeTuples(ctx.db, googleDrive, { deletes, writes: sampleTuples });
    return sampleTuples.length;
  },
});
