import type { Tuple } from "./tuple";

/** The people of the sample. */
export const sampleUsers = ["user:anne", "user:beth", "user:charles", "user:diane", "user:erik"];

/** Its documents. The last one lies five folders deep. */
export const sampleDocs = ["doc:handbook", "doc:public-roadmap", "doc:budget", "doc:2026-roadmap", "doc:launch-plan"];

/**
 * Two groups, five folders inside each other, and the documents in them. Charles may read everything, because his
 * group may view the outermost folder. Beth's group may view an inner folder, and Anne owns one. Diane owns one
 * document. Erik has no rights of his own.
 */
export const sampleTuples: Tuple[] = [
  { user: "user:beth", relation: "member", object: "group:contoso" },
  { user: "user:charles", relation: "member", object: "group:fabrikam" },

  { user: "folder:company", relation: "parent", object: "folder:product" },
  { user: "folder:product", relation: "parent", object: "folder:2026" },
  { user: "folder:2026", relation: "parent", object: "folder:launch" },
  { user: "folder:launch", relation: "parent", object: "folder:drafts" },
  { user: "group:fabrikam#member", relation: "viewer", object: "folder:company" },
  { user: "user:anne", relation: "owner", object: "folder:product" },
  { user: "group:contoso#member", relation: "viewer", object: "folder:launch" },

  { user: "folder:company", relation: "parent", object: "doc:handbook" },
  { user: "folder:product", relation: "parent", object: "doc:public-roadmap" },
  { user: "folder:product", relation: "parent", object: "doc:budget" },
  { user: "folder:2026", relation: "parent", object: "doc:2026-roadmap" },
  { user: "folder:drafts", relation: "parent", object: "doc:launch-plan" },
  { user: "user:*", relation: "viewer", object: "doc:public-roadmap" },
  { user: "user:beth", relation: "viewer", object: "doc:2026-roadmap" },
  { user: "user:diane", relation: "owner", object: "doc:launch-plan" },
];
