import type { Tuple } from "../../convex/authz/tuple";

const rights: Record<string, string> = {
  viewer: "view",
  can_create_file: "add files",
  can_read: "read",
  can_write: "write",
  can_share: "share",
};

/** The verb for a relation: `can_read` → `read`, `viewer` → `view`. */
export function rightText(relation: string): string {
  return rights[relation] ?? relation;
}

/** `user:anne` → `Anne`, `doc:budget` → `budget`, `folder:company` → `company/` */
export function nameText(object: string): string {
  const [type = "", name = ""] = object.split(":");
  if (type === "user") return name.charAt(0).toUpperCase() + name.slice(1);
  return type === "folder" ? `${name}/` : name;
}

/** A stored tuple in words: `Anne is a member of contoso`. */
export function tupleText({ user, relation, object }: Tuple): string {
  const [subject = "", userset] = user.split("#");
  const who = userset === undefined ? nameText(subject) : `Members of ${nameText(subject)}`;
  if (relation === "member") return `${who} is a member of ${nameText(object)}`;
  return relation === "owner" ? `${who} owns ${nameText(object)}` : `${who} may view ${nameText(object)}`;
}
