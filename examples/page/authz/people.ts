/** The people of the tab, and what the right of each one to read the document rests on. */
import type { Tuple } from "../../convex/authz/tuple";

export interface Person {
  user: string;
  /** Each holds when it is stored; the person may read the document while all of them hold. */
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
 * All of them get their right from a folder two or more levels above the document, so a check without a stored grant
 * reads more documents than one with it, whatever conditions hold. (Who was given the document itself is found at once;
 * for them a grant saves nothing.) `tests/examples/authz/page.test.ts` goes through all combinations.
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
