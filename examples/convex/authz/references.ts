import { leavesOf, type Model, type Relation } from "./model";
import { modelError, showList } from "./modelError";
import { showKind, type UserKind } from "./names";

/** Checks that the types and relations that a relation names exist, and are of a kind that fits there. */
export function checkReferences(model: Model): void {
  for (const relations of model.types.values()) {
    for (const relation of relations.values()) {
      for (const restriction of relation.restrictions) {
        checkRestriction(model, relation, restriction);
      }
      checkThis(relation);
      for (const { leaf } of leavesOf(relation.rule)) {
        if (leaf.kind === "computed") checkRelation(relation, relations, leaf.relation);
        if (leaf.kind !== "from") continue;
        checkTupleset(relation, checkRelation(relation, relations, leaf.tupleset));
        checkReached(model, relation, leaf.tupleset, leaf.relation);
      }
    }
  }
}

function checkRestriction(model: Model, { fullName }: Relation, restriction: UserKind): void {
  const relations = model.types.get(restriction.type);
  if (relations === undefined) {
    throw modelError(
      fullName,
      `it allows ${showKind(restriction)}, of an unknown type; ` +
        `the model has the types ${showList(model.types.keys())}`,
    );
  }
  if (restriction.relation !== undefined && !relations.has(restriction.relation)) {
    throw modelError(
      fullName,
      `it allows ${showKind(restriction)}, an unknown relation; ` +
        `"${restriction.type}" has ${showList(relations.keys())}`,
    );
  }
}

function checkThis({ fullName, rule, restrictions }: Relation): void {
  const hasThis = [...leavesOf(rule)].some(({ leaf }) => leaf.kind === "direct");
  if (hasThis && restrictions.length === 0) {
    throw modelError(
      fullName,
      `"this" has no type restrictions; list who may stand in its tuples in ` +
        "metadata.relations, directly_related_user_types",
    );
  }
  if (!hasThis && restrictions.length > 0) {
    throw modelError(
      fullName,
      `it allows ${restrictions.map(showKind).join(", ")}, but has no tuples of its own; ` +
        'add "this" to its definition, or leave directly_related_user_types empty',
    );
  }
}

function checkRelation(
  { fullName, type }: Relation,
  relations: ReadonlyMap<string, Relation>,
  referred: string,
): Relation {
  const relation = relations.get(referred);
  if (relation !== undefined) return relation;
  throw modelError(
    fullName,
    `it refers to the unknown relation "${referred}"; "${type}" has ${showList(relations.keys())}`,
  );
}

function checkTupleset({ fullName }: Relation, tupleset: Relation): void {
  const { rule } = tupleset;
  const isThis = "rules" in rule && rule.kind === "union" && rule.rules.every(isPartOfThis);
  if (!isThis) {
    throw modelError(
      fullName,
      `it follows ${tupleset.fullName} from object to object, which must be defined as "this" alone`,
    );
  }
  const unsuited = tupleset.restrictions.find(({ kind }) => kind !== "object");
  if (unsuited !== undefined) {
    throw modelError(
      fullName,
      `it follows ${tupleset.fullName} from object to object, which must not allow ` +
        `${showKind(unsuited)}; allow plain types only`,
    );
  }
}

function isPartOfThis({ kind }: { kind: string }): boolean {
  return kind === "direct" || kind === "usersets";
}

function checkReached(model: Model, relation: Relation, tupleset: string, referred: string): void {
  const types = model.types.get(relation.type)?.get(tupleset)?.restrictions ?? [];
  if (types.some(({ type }) => model.types.get(type)?.has(referred))) return;
  throw modelError(
    relation.fullName,
    `no type that ${tupleset} leads to (${showList(types.map(showKind))}) has the relation "${referred}"; ` +
      "define it there",
  );
}
