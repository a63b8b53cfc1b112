import { type Leaf, leavesOf, type Model, type Relation, type Rule } from "./model";
import { modelError, show } from "./modelError";
import { NAME, type UserKind } from "./names";

/** Reads the JSON. `checkReferences` checks afterwards that the names in it exist. */
export function readModel(json: unknown): Model {
  const { schema_version, type_definitions, conditions } = fieldsOf(json, "the whole");
  if (schema_version !== "1.1") {
    throw modelError("schema_version", `it is ${show(schema_version)}; give "1.1"`);
  }
  if (Object.keys(fieldsOf(conditions ?? {}, "conditions")).length > 0) throw conditional("the whole");
  const types = new Map<string, Map<string, Relation>>();
  for (const definition of itemsOf(type_definitions, "type_definitions")) {
    const type = nameOf(fieldsOf(definition, "type_definitions").type, "type_definitions");
    if (types.has(type)) throw modelError(type, "the type is defined twice; leave one out");
    types.set(type, readRelations(type, fieldsOf(definition, type)));
  }
  return { types };
}

function readRelations(type: string, definition: Fields): Map<string, Relation> {
  const relations = fieldsOf(definition.relations ?? {}, `${type}, relations`);
  const { relations: metadata } = fieldsOf(definition.metadata ?? {}, `${type}, metadata`);
  const about = new Map(Object.entries(fieldsOf(metadata ?? {}, `${type}, metadata.relations`)));
  for (const relation of about.keys()) {
    if (!Object.hasOwn(relations, relation)) {
      throw modelError(
        `${type}, metadata`,
        `there is no relation "${relation}"; define it in relations, or leave it out here`,
      );
    }
  }
  const rules = Object.entries(relations).map(([relation, userset]): [string, Rule] => [
    nameOf(relation, `${type}, relations`),
    readRule(userset, `${type}#${relation}`),
  ]);
  const leaves = rules.flatMap(([, rule]) => [...leavesOf(rule)]);
  const isTupleset = (relation: string) =>
    leaves.some(({ leaf }) => leaf.kind === "from" && leaf.tupleset === relation);
  return new Map(
    rules.map(([name, rule]) => {
      const fullName = `${type}#${name}`;
      const restrictions = readRestrictions(about.get(name) ?? {}, fullName);
      return [name, { type, name, fullName, restrictions, isTupleset: isTupleset(name), rule }];
    }),
  );
}

function readRestrictions(metadata: unknown, where: string): UserKind[] {
  const { directly_related_user_types: references } = fieldsOf(metadata, where);
  return itemsOf(references ?? [], `${where}, directly_related_user_types`).map((reference) => {
    const { type: rawType, relation, wildcard, condition } = fieldsOf(reference, where);
    if (condition) throw conditional(where);
    const type = nameOf(rawType, `${where}, directly_related_user_types`);
    if (relation && wildcard) {
      throw modelError(where, `${show(reference)} has a relation and a wildcard; leave one out`);
    }
    if (wildcard) return { kind: "everybody", type };
    return relation ? { kind: "userset", type, relation: nameOf(relation, where) } : { kind: "object", type };
  });
}

const OPERATORS = "this, computedUserset, tupleToUserset, union, intersection or difference";

function readRule(userset: unknown, where: string): Rule {
  const [[operator, value] = ["", undefined], ...others] = Object.entries(fieldsOf(userset, where));
  if (others.length > 0) {
    throw modelError(where, `${show(userset)} has several operators; combine them in a union`);
  }
  switch (operator) {
    case "this":
      return union([{ kind: "direct" }, { kind: "usersets" }]);
    case "computedUserset":
      return { kind: "computed", relation: readRelation(value, where) };
    case "tupleToUserset": {
      const { tupleset, computedUserset } = fieldsOf(value, where);
      return {
        kind: "from",
        tupleset: readRelation(tupleset, where),
        relation: readRelation(computedUserset, where),
      };
    }
    case "union":
      return union(readChildren(value, where));
    case "intersection":
      return { kind: "intersection", rules: readChildren(value, where).sort(byCost) };
    case "difference": {
      const { base, subtract } = fieldsOf(value, where);
      return {
        kind: "difference",
        base: readRule(base, where),
        subtract: readRule(subtract, where),
      };
    }
    default:
      throw modelError(where, `it is defined as ${show(userset)}; give one of ${OPERATORS}`);
  }
}

/** Merges nested unions into one, so that all point lookups come before all lists. */
function union(rules: Rule[]): Rule {
  const flat = rules.flatMap((rule) => (rule.kind === "union" ? rule.rules : [rule]));
  return { kind: "union", rules: flat.sort(byCost) };
}

/** The order in which a check tries rules: those that read least come first. */
const COSTS: Leaf["kind"][] = ["direct", "computed", "usersets", "from"];

function byCost(a: Rule, b: Rule): number {
  return costOf(a) - costOf(b);
}

function costOf(rule: Rule): number {
  return Math.max(...[...leavesOf(rule)].map(({ leaf }) => COSTS.indexOf(leaf.kind)));
}

function readChildren(value: unknown, where: string): Rule[] {
  const children = itemsOf(fieldsOf(value, where).child, `${where}, child`);
  if (children.length === 0) throw modelError(where, "it has no child; give at least one");
  return children.map((child) => readRule(child, where));
}

function readRelation(value: unknown, where: string): string {
  const { object, relation } = fieldsOf(value, where);
  if (object) {
    throw modelError(where, `${show(value)} names an object; leave object out, or empty`);
  }
  return nameOf(relation, where);
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw modelError(where, `${show(value)} stands where an object must be`);
}

function itemsOf(value: unknown, where: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw modelError(where, `it is ${show(value)}; give an array`);
}

function nameOf(value: unknown, where: string): string {
  if (typeof value === "string" && NAME.test(value)) return value;
  throw modelError(where, `${show(value)} is not a name; give one without spaces, ":", "#", "@", "*"`);
}

function conditional(where: string): Error {
  return modelError(where, "it uses conditions, which are not supported; define it without them");
}
