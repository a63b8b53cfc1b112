/** The people of the tab, and the tuples on which each one's right to read the document depends. */
import type { Tuple } from "../../convex/authz/tuple";

export interface Person {
  user: string;
  /** The person may read the document while all of these are stored. */
  conditions: readonly Tuple[];
}

const isMember = (user: string, group: string): Tuple => ({ user, relation: "member", object: group });
const mayView = (group: string, folder: string): Tuple => ({
  user: `${group}#member`,
  relation: "viewer",
  object: folder,
});
const owns = (user: string, folder: string): Tuple => ({ user, relation: "owner", object: folder });

/**
 * All of them get their right from a folder two or more levels above the document. So a check without a stored grant
 * always reads more documents than a check with it, whichever conditions hold. (A person with a right to the document
 * itself would be found at once, and a grant would save nothing.) `tests/examples/authz/page.test.ts` checks all
 * combinations.
 */
export const people: readonly Person[] = [
  { user: "user:anne", conditions: [owns("user:anne", "folder:product")] },
  {
    user: "user:beth",
    conditions: [isMember("user:beth", "group:contoso"), mayView("group:contoso", "folder:launch")],
  },
  {
    user: "user:charles",
    conditions: [isMember("user:charles", "group:fabrikam"), mayView("group:fabrikam", "folder:company")],
  },
  {
    user: "user:erik",
    conditions: [isMember("user:erik", "group:fabrikam"), mayView("group:fabrikam", "folder:company")],
  },
];
