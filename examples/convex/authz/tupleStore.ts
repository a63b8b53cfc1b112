import { ConvexError } from "convex/values";
import type { DatabaseReader, DatabaseWriter } from "../_generated/server";
import type { TupleReader } from "./check";
import type { Model } from "./model";
import { checkTuple, showTuple, type Tuple } from "./tuple";

/** The stored tuples as `check` reads them. */
export function tupleReader(db: DatabaseReader): TupleReader {
  return {
    has: async (tuple) => (await findTuple(db, tuple)) !== null,
    async *usersOf(type, relation, object) {
      const tuples = db.query("tuples").withIndex("by_object", (q) =>
        q
          .eq("object", object)
          .eq("relation", relation)
          .gte("user", `${type}:`)
          // ";" is the character after ":", so the range holds exactly the users of the type.
          .lt("user", `${type};`),
      );
      for await (const { user } of tuples) yield user;
    },
  };
}

/**
 * Deletes tuples, then writes tuples.
 *
 * @throws ConvexError with the remedy, when the model does not allow a tuple, a tuple to delete is missing, or a tuple
 * to write exists already.
 */
export async function changeTuples(
  db: DatabaseWriter,
  model: Model,
  { deletes, writes }: { deletes: Tuple[]; writes: Tuple[] },
): Promise<void> {
  for (const tuple of deletes) {
    const stored = await findTuple(db, tuple);
    if (stored === null) {
      throw new ConvexError(`There is no tuple ${showTuple(tuple)} to delete; leave it out.`);
    }
    await db.delete("tuples", stored._id);
  }
  for (const tuple of writes) {
    checkTuple(model, tuple);
    if ((await findTuple(db, tuple)) !== null) {
      throw new ConvexError(`The tuple ${showTuple(tuple)} is there already; leave it out.`);
    }
    await db.insert("tuples", tuple);
  }
}

async function findTuple(db: DatabaseReader, { user, relation, object }: Tuple) {
  return await db
    .query("tuples")
    .withIndex("by_object", (q) => q.eq("object", object).eq("relation", relation).eq("user", user))
    .first();
}
