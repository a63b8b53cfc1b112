import type { TupleReader } from "../../../examples/convex/authz/check.js";
import type { Tuple } from "../../../examples/convex/authz/tuple.js";

/** Reads tuples from memory, and counts the documents that a check reads. */
export function memoryReader(tuples: readonly Tuple[]) {
  const reads = { documents: 0 };
  const reader: TupleReader = {
    has: async ({ user, relation, object }) => {
      const isThere = tuples.some((t) => t.user === user && t.relation === relation && t.object === object);
      if (isThere) reads.documents++;
      return isThere;
    },
    async *usersOf(type, relation, object) {
      for (const t of tuples) {
        const isListed = t.relation === relation && t.object === object;
        if (!isListed || !t.user.startsWith(`${type}:`)) continue;
        reads.documents++;
        yield t.user;
      }
    },
  };
  return { reader, reads };
}

/** `"user:anne viewer doc:1"` as a tuple. */
export function tuple(text: string): Tuple {
  const [user = "", relation = "", object = ""] = text.split(" ");
  return { user, relation, object };
}
