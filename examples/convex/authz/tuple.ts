import { ConvexError, type Infer, v } from "convex/values";
import { allows, type Model, relationOf } from "./model";
import { showList } from "./modelError";
import { parseUser, showKind, typeOf } from "./names";

/** A stored fact: a user has a relation to an object. */
export const tupleFields = {
  /** `user:anne`, `user:*`, `group:eng#member` or `folder:plans`. */
  user: v.string(),
  relation: v.string(),
  object: v.string(),
};
export const tupleValidator = v.object(tupleFields);
export type Tuple = Infer<typeof tupleValidator>;

/** @throws ConvexError with the remedy, when the model does not allow the tuple. */
export function checkTuple(model: Model, tuple: Tuple): void {
  try {
    const user = parseUser(tuple.user);
    const relation = relationOf(model, typeOf(tuple.object), tuple.relation);
    if (!allows(relation, user)) {
      const allowed = relation.restrictions.map(showKind);
      throw new ConvexError(
        allowed.length === 0
          ? `${relation.fullName} follows from other relations and has no tuples; write one of those.`
          : `${relation.fullName} does not allow ${showKind(user)}; it allows ${showList(allowed)}.`,
      );
    }
  } catch (error) {
    throw about("tuple", tuple, error);
  }
}

/** Adds the tuple or the check to the message of an error. */
export function about(what: "tuple" | "check", tuple: Tuple, error: unknown): ConvexError<string> {
  return new ConvexError(`The ${what} ${showTuple(tuple)}: ${(error as Error).message}`);
}

/** A tuple or a check, for messages. */
export function showTuple({ user, relation, object }: Tuple): string {
  return `"${user} ${relation} ${object}"`;
}
