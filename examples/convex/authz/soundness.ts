import { leavesOf, type Model, type Relation, type Rule } from "./model";
import { modelError } from "./modelError";

/**
 * Checks that every relation has one clear meaning: the least one that its rules allow.
 *
 * - No relation is defined by itself through computed usersets alone.
 * - No relation can depend on its own negation, for any tuples: with `a: [user] but not b` and `b: [user] or a`, anne's
 *   `a` would be true exactly when it is false.
 * - Every relation can hold for some user: `member: [group#member]` alone never does.
 */
export function checkSoundness(model: Model): void {
  const relations = [...model.types.values()].flatMap((ofType) => [...ofType.values()]);
  const uses = new Map(relations.map((relation) => [relation, usesOf(model, relation)]));
  const used = (relation: Relation) => (uses.get(relation) ?? []).map((use) => use.used);
  const computed = (relation: Relation) =>
    (uses.get(relation) ?? []).filter((use) => use.isComputed).map((use) => use.used);

  for (const relation of relations) {
    const { fullName } = relation;
    const cycle = pathTo(relation, [relation], computed);
    if (cycle !== undefined) {
      throw modelError(
        fullName,
        `it is defined by itself (${showPath(cycle)}); give one of these a definition of its own`,
      );
    }
    for (const use of uses.get(relation) ?? []) {
      if (!use.isSubtracted) continue;
      const back = use.used === relation ? [relation] : pathTo(relation, [use.used], used);
      if (back !== undefined) {
        throw modelError(
          fullName,
          `it depends on its own negation (${fullName} but not ${showPath(back)}), which has no meaning; ` +
            `subtract a relation that does not lead back to ${fullName}`,
        );
      }
    }
  }
  checkEntries(model, relations);
}

/** One relation's use of another one, of the same object or of a different one. */
interface Use {
  used: Relation;
  isSubtracted: boolean;
  /** It is used on the same object, for any tuples. */
  isComputed: boolean;
}

function usesOf(model: Model, relation: Relation): Use[] {
  return [...leavesOf(relation.rule)].flatMap(({ leaf, isSubtracted }) =>
    leadsTo(model, relation, leaf).map((used) => ({
      used,
      isSubtracted,
      isComputed: leaf.kind === "computed",
    })),
  );
}

/** The relations whose answers a rule may need, of the same type or of others. */
function leadsTo(model: Model, { type, restrictions }: Relation, rule: Rule): Relation[] {
  const pairs: [type: string, relation: string][] = [];
  if (rule.kind === "computed") pairs.push([type, rule.relation]);
  if (rule.kind === "usersets") {
    for (const { type, relation } of restrictions) if (relation) pairs.push([type, relation]);
  }
  if (rule.kind === "from") {
    const tupleset = model.types.get(type)?.get(rule.tupleset);
    for (const { type } of tupleset?.restrictions ?? []) pairs.push([type, rule.relation]);
  }
  return pairs.flatMap(([type, relation]) => model.types.get(type)?.get(relation) ?? []);
}

/** Extends `path` to one that ends at `goal`; undefined if there is none. */
function pathTo(
  goal: Relation,
  path: Relation[],
  next: (relation: Relation) => Relation[],
  seen = new Set<Relation>(),
): Relation[] | undefined {
  for (const relation of next(path.at(-1) as Relation)) {
    if (relation === goal) return [...path, relation];
    if (seen.has(relation)) continue;
    seen.add(relation);
    const found = pathTo(goal, [...path, relation], next, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function showPath(path: Relation[]): string {
  return path.map(({ fullName }) => fullName).join(" → ");
}

function checkEntries(model: Model, relations: Relation[]): void {
  const entered = new Set<Relation>();
  const canHold = (relation: Relation, rule: Rule): boolean => {
    switch (rule.kind) {
      case "union":
        return rule.rules.some((part) => canHold(relation, part));
      case "intersection":
        return rule.rules.every((part) => canHold(relation, part));
      case "difference":
        return canHold(relation, rule.base);
      case "direct":
        return relation.restrictions.some(({ kind }) => kind !== "userset");
      default:
        return leadsTo(model, relation, rule).some((used) => entered.has(used));
    }
  };
  for (let before = -1; before < entered.size; ) {
    before = entered.size;
    for (const relation of relations) {
      if (canHold(relation, relation.rule)) entered.add(relation);
    }
  }
  const empty = relations.find((relation) => !entered.has(relation));
  if (empty === undefined) return;
  throw modelError(
    empty.fullName,
    "nobody can ever have it, because it leads only to itself; " +
      'let it start somewhere, with "this" and a type such as { "type": "user" }',
  );
}
