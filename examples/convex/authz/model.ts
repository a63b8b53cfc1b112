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
  /** The users that its own tuples may name. */
  readonly restrictions: readonly UserKind[];
  /** Whether a rule follows its tuples from one object to others, as `viewer from parent` follows `parent`. */
  readonly isTupleset: boolean;
  readonly rule: Rule;
}

/**
 * Defines which users have a relation to an object. OpenFGA's `this` is split into `direct` and `usersets`, because
 * they differ in cost:
 * - `direct`: the user that a tuple names, or everybody of a type that it names.
 * - `usersets`: the members of the usersets that tuples name.
 * - `computed`: the users who have another relation to the object.
 * - `from`: the users who have a relation to one of the objects that a tupleset leads to.
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

/** Whether a relation's tuples may name this kind of user. */
export function allows({ restrictions }: Relation, user: UserKind): boolean {
  return restrictions.some(
    ({ kind, type, relation }) => kind === user.kind && type === user.type && relation === user.relation,
  );
}

/** The leaves of a rule. `isSubtracted`: the leaf is below a `subtract`. */
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
