import fc from "fast-check";
import type { AuthorizationModel, RelationReference, Userset } from "../../../examples/convex/authz/openfga.js";
import type { Tuple } from "../../../examples/convex/authz/tuple.js";

/** Few enough that no chain of relations exceeds the depth of a check: 4 objects with 4 relations each. */
export const OBJECTS = ["user:1", "user:2", "a:1", "a:2", "b:1", "b:2"];
const TYPES = ["a", "b"];
const RELATIONS = ["parent", "p", "q", "r"];
const STRATA = 3;

/** Users that a check may ask about: objects, and usersets. */
export const USERS = [
  ...OBJECTS,
  ...OBJECTS.filter((object) => !object.startsWith("user:")).flatMap((object) =>
    RELATIONS.map((relation) => `${object}#${relation}`),
  ),
];

export interface RandomModel {
  model: AuthorizationModel;
  /** The relations. A relation comes after those that it subtracts. */
  strata: string[][];
  /** Every tuple that the model allows. */
  tuples: Tuple[];
}

/** Models with a well-defined meaning, by construction. Tuples may form circles. */
export const randomModel: fc.Arbitrary<RandomModel> = fc
  .array(fc.nat(0xffff), { minLength: 40, maxLength: 160 })
  .map(toModel);

function toModel(choices: number[]): RandomModel {
  let next = 0;
  const pick = <T>(from: readonly T[]) => from[(choices[next++] ?? 0) % from.length] as T;
  const chance = (percent: number) => (choices[next++] ?? 0) % 100 < percent;

  const names = TYPES.flatMap((type) => RELATIONS.map((relation) => `${type}#${relation}`));
  const stratumOf = new Map(
    names.map((name) => [name, name.endsWith("#parent") ? 0 : pick([...Array(STRATA).keys()])]),
  );
  const inStratum = (name: string) => stratumOf.get(name) as number;
  const parents = new Map(TYPES.map((type) => [type, TYPES.concat("user").filter((_, i) => i === 0 || chance(50))]));

  const define = (name: string): { userset: Userset; references: RelationReference[] } => {
    const [type = "", own = ""] = name.split("#");
    if (own === "parent") {
      return {
        userset: { this: {} },
        references: (parents.get(type) ?? []).map((parent) => ({ type: parent })),
      };
    }
    const references: RelationReference[] = [{ type: "user" }];
    for (const kind of ["user", ...TYPES]) {
      if (chance(20)) references.push({ type: kind, wildcard: {} });
      if (kind !== "user" && chance(30)) references.push({ type: kind });
    }
    const usersets = names.filter((other) => inStratum(other) <= inStratum(name) && chance(35));
    for (const userset of usersets) {
      const [kind = "", relation = ""] = userset.split("#");
      references.push({ type: kind, relation });
    }

    /** A rule over relations up to stratum `max`; below a `subtract`, `max` is one less than the relation's own stratum. */
    const rule = (max: number, depth: number): Userset => {
      const leaves: Userset[] = [];
      if (usersets.every((userset) => inStratum(userset) <= max)) leaves.push({ this: {} });
      for (const relation of RELATIONS) {
        // Only an earlier relation: computed usersets must not form circles.
        const isEarlier = RELATIONS.indexOf(relation) < RELATIONS.indexOf(own);
        if (isEarlier && inStratum(`${type}#${relation}`) <= max) {
          leaves.push({ computedUserset: { relation } });
        }
        const reached = TYPES.filter((parent) => parents.get(type)?.includes(parent));
        if (reached.every((parent) => inStratum(`${parent}#${relation}`) <= max)) {
          const tupleset = { relation: "parent" };
          leaves.push({ tupleToUserset: { tupleset, computedUserset: { relation } } });
        }
      }
      if (depth === 0 || chance(40)) return pick(leaves);
      const child = () => [rule(max, depth - 1), rule(max, depth - 1)];
      const isLowest = inStratum(name) === 0;
      switch (pick(isLowest ? ["union", "intersection"] : ["union", "intersection", "difference"])) {
        case "union":
          return { union: { child: child() } };
        case "intersection":
          return { intersection: { child: child() } };
        default: {
          const below = Math.min(max, inStratum(name) - 1);
          return { difference: { base: rule(max, depth - 1), subtract: rule(below, depth - 1) } };
        }
      }
    };
    // Always includes the relation's own tuples, so that a user can have it.
    const orThis = (): Userset => ({ union: { child: [{ this: {} }, rule(inStratum(name), 2)] } });
    const userset = pick<() => Userset>([
      () => ({ this: {} }),
      orThis,
      orThis,
      () => ({ intersection: { child: [orThis(), orThis()] } }),
      () => ({ intersection: { child: [orThis(), orThis(), orThis()] } }),
    ])();
    return { userset, references };
  };

  const definitions = new Map(names.map((name) => [name, define(name)]));
  const ofType = <T>(type: string, part: (name: string) => T) =>
    Object.fromEntries(RELATIONS.map((relation) => [relation, part(`${type}#${relation}`)]));
  const definitionOf = (name: string) => definitions.get(name) as ReturnType<typeof define>;
  const tuples = names.flatMap((name) =>
    OBJECTS.filter((object) => name.startsWith(`${object.slice(0, object.indexOf(":"))}#`)).flatMap((object) =>
      definitionOf(name).references.flatMap((reference) =>
        usersOf(reference).map((user) => ({ user, relation: name.split("#")[1] ?? "", object })),
      ),
    ),
  );
  return {
    model: {
      schema_version: "1.1",
      type_definitions: [
        { type: "user" },
        ...TYPES.map((type) => ({
          type,
          relations: ofType(type, (name) => definitionOf(name).userset),
          metadata: {
            relations: ofType(type, (name) => ({
              directly_related_user_types: definitionOf(name).references,
            })),
          },
        })),
      ],
    },
    strata: [...Array(STRATA).keys()].map((stratum) => names.filter((name) => inStratum(name) === stratum)),
    tuples,
  };
}

/** Few tuples that name a user, and many that lead to other objects and so form circles. */
export const randomTuples = (model: RandomModel): fc.Arbitrary<Tuple[]> => {
  const leadsOn = ({ user, relation }: Tuple) => user.includes("#") || relation === "parent";
  const some = (from: Tuple[], maxLength: number) =>
    from.length === 0 ? fc.constant([]) : fc.uniqueArray(fc.constantFrom(...from), { maxLength, size: "max" });
  return fc
    .tuple(
      some(
        model.tuples.filter((t) => !leadsOn(t)),
        5,
      ),
      some(model.tuples.filter(leadsOn), 30),
    )
    .map(([naming, leadingOn]) => [...naming, ...leadingOn]);
};

function usersOf(reference: RelationReference): string[] {
  if ("wildcard" in reference) return [`${reference.type}:*`];
  const objects = OBJECTS.filter((object) => object.startsWith(`${reference.type}:`));
  return "relation" in reference ? objects.map((object) => `${object}#${reference.relation}`) : objects;
}
