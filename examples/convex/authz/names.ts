import { ConvexError } from "convex/values";

/** What a type restriction allows as a user: one object of a type, everybody of a type, or a userset. */
export interface UserKind {
  kind: "object" | "everybody" | "userset";
  type: string;
  /** Only of a userset: `member` of `group#member`. */
  relation?: string;
}

/** The user of a tuple: `user:anne`, `user:*` or `group:eng#member`. */
export interface User extends UserKind {
  /** Without the relation of a userset: `group:eng`. */
  object: string;
}

/** The name of a type or a relation. */
export const NAME = /^[^:#@*\s]+$/;

const USER = /^([^:#@*\s]+):([^:#*\s]+|\*)(?:#([^:#@*\s]+))?$/;

/** @throws ConvexError with the remedy, when the text is no user. */
export function parseUser(text: string): User {
  const [, type, id, relation] = USER.exec(text) ?? [];
  if (type === undefined || (id === "*" && relation !== undefined)) {
    throw new ConvexError(`"${text}" is not a user; write type:id, type:* or type:id#relation, such as user:anne.`);
  }
  const object = `${type}:${id}`;
  if (relation !== undefined) return { kind: "userset", type, object, relation };
  return { kind: id === "*" ? "everybody" : "object", type, object };
}

/**
 * The type of an object: `doc` of `doc:budget`.
 *
 * @throws ConvexError with the remedy, when the text is no object.
 */
export function typeOf(object: string): string {
  const [, type, id, relation] = USER.exec(object) ?? [];
  if (type === undefined || id === "*" || relation !== undefined) {
    throw new ConvexError(`"${object}" is not an object; write type:id, such as doc:budget.`);
  }
  return type;
}

/** The kind in OpenFGA's language: `user`, `user:*` or `group#member`. */
export function showKind({ kind, type, relation }: UserKind): string {
  if (kind === "object") return type;
  return kind === "everybody" ? `${type}:*` : `${type}#${relation}`;
}
