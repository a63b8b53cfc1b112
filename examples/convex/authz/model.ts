import { ConvexError } from "convex/values";
import { showList } from "./modelError";
import type { UserKind } from "./names";

/** An authorization model, checked, in the form that `check` follows. */
export interface Model {
  /** Type → relation → its definition. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Relation>>;
}

export interface Relation {
  readonly type: string;
  /** `viewer` */
  readonly name: string;
  /** `doc#viewer` */
  readonly fullName: string;
  /** Who may stand in its own tuples. */
  readonly restrictions: readonly UserKind[];
  /** Whether a rule follows its tuples from one object to others, as `viewer from parent` follows `parent`. */
  readonly isTupleset: boolean;
  readonly rule: Rule;
}

/**
 * Who has a relation to an object. OpenFGA's `this` is in two parts, which cost differently:
 * - `direct`: whom a tuple names, alone or as everybody of a type.
 * - `usersets`: the members of the usersets that tuples name.
 * - `computed`: whoever has another relation to the object.
 * - `from`: whoever has a relation to one of the objects that a tupleset leads to.
 */
export type Rule =
  | Leaf
  | { kind: "union" | "intersection"; rules: Rule[] }
  | { kind: "difference"; base: Rule; subtract: Rule };
export type Leaf =
  | { kind: "direct" }
  | { kind: "usersets" }
  | { kind: "computed"; relation: string }
  | { kind: "from"; tupleset: string; relation: string };

/**
 * The relation of a type.
 *
 * @throws ConvexError that lists the known ones, when the model has no such type or relation.
 */
export function relationOf(model: Model, type: string, relation: string): Relation {
  const relations = model.types.get(type);
  if (relations === undefined) {
    throw new ConvexError(`There is no type "${type}"; the model has ${showList(model.types.keys())}.`);
  }
  const found = relations.get(relation);
  if (found === undefined) {
    throw new ConvexError(`The type "${type}" has no relation "${relation}"; it has ${showList(relations.keys())}.`);
  }
  return found;
}

/** Whether a user may stand in a relation's tuples. */
export function allows({ restrictions }: Relation, user: UserKind): boolean {
  return restrictions.some(
    ({ kind, type, relation }) => kind === user.kind && type === user.type && relation === user.relation,
  );
}

/** The rules that a rule is made of, each with whether it stands below a `subtract`. */
export function* leavesOf(rule: Rule, isSubtracted = false): Generator<{ leaf: Leaf; isSubtracted: boolean }> {
  if (rule.kind === "difference") {
    yield* leavesOf(rule.base, isSubtracted);
    yield* leavesOf(rule.subtract, true);
  } else if ("rules" in rule) {
    for (const part of rule.rules) yield* leavesOf(part, isSubtracted);
  } else {
    yield { leaf: rule, isSubtracted };
  }
}
