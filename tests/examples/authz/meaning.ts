import type { AuthorizationModel, Userset } from "../../../examples/convex/authz/openfga.js";
import type { Tuple } from "../../../examples/convex/authz/tuple.js";

/**
 * All that a user has, computed from scratch: every `object#relation` of the least fixpoint of the model's JSON, one
 * stratum after the other. It shares no code with `check`.
 *
 * @param strata - The relations (`doc#viewer`) in an order in which each comes after those that it subtracts.
 */
export function everythingOf(
  user: string,
  { type_definitions }: AuthorizationModel,
  strata: readonly string[][],
  tuples: readonly Tuple[],
  objects: readonly string[],
): Set<string> {
  const has = new Set<string>(user.includes("#") ? [user] : []);
  const isNamedBy = (name: string) =>
    name === user || has.has(name) || (!user.includes("#") && name === `${user.split(":")[0]}:*`);

  const holds = (userset: Userset, object: string, relation: string): boolean => {
    const usersOf = (relation: string) =>
      tuples.filter((t) => t.object === object && t.relation === relation).map((t) => t.user);
    if ("this" in userset) return usersOf(relation).some(isNamedBy);
    if ("computedUserset" in userset) return has.has(`${object}#${userset.computedUserset.relation}`);
    if ("tupleToUserset" in userset) {
      const { tupleset, computedUserset } = userset.tupleToUserset;
      return usersOf(tupleset.relation).some((next) => has.has(`${next}#${computedUserset.relation}`));
    }
    const on = (part: Userset) => holds(part, object, relation);
    if ("union" in userset) return userset.union.child.some(on);
    if ("intersection" in userset) return userset.intersection.child.every(on);
    return on(userset.difference.base) && !on(userset.difference.subtract);
  };

  for (const stratum of strata) {
    for (let before = -1; before < has.size; ) {
      before = has.size;
      for (const object of objects) {
        const [type] = object.split(":");
        const relations = type_definitions.find((definition) => definition.type === type)?.relations;
        for (const [relation, userset] of Object.entries(relations ?? {})) {
          if (!stratum.includes(`${type}#${relation}`)) continue;
          if (holds(userset, object, relation)) has.add(`${object}#${relation}`);
        }
      }
    }
  }
  return has;
}
