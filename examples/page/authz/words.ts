/** `can_read` → `can read`, `viewer` → `viewer` */
export function relationText(relation: string): string {
  return relation.replaceAll("_", " ");
}

/** `user:anne` → `Anne`, `user:*` → `everybody`, `group:contoso#member` → `members of contoso` */
export function userText(user: string): string {
  const [, type = "", id = "", relation] = /^(\w+):([^#]+)(?:#(.+))?$/.exec(user) ?? [];
  if (relation !== undefined) return `${relation}s of ${id}`;
  if (id === "*") return "everybody";
  return type === "user" ? id.charAt(0).toUpperCase() + id.slice(1) : id;
}
