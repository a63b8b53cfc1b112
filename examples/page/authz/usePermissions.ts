import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";

/** What a user may do with the folders and documents. */
export interface Permissions {
  of: (object: string) => string[];
  /** How many documents were read to know it. */
  documentsRead: number;
}

/** Lists the objects of each permission; nothing until all lists are known. */
export function usePermissions(user: string): Permissions | undefined {
  const lists = [
    useObjects(user, "folder", "viewer"),
    useObjects(user, "folder", "can_create_file"),
    useObjects(user, "doc", "can_read"),
    useObjects(user, "doc", "can_write"),
    useObjects(user, "doc", "can_share"),
  ];
  const known = lists.filter((list) => list !== undefined);
  if (known.length < lists.length) return undefined;
  return {
    of: (object) => known.filter(({ objects }) => objects.includes(object)).map(({ relation }) => relation),
    documentsRead: known.reduce((sum, { documentsRead }) => sum + documentsRead, 0),
  };
}

function useObjects(user: string, type: string, relation: string) {
  const list = useQuery(api.authz.permissions.listObjects, { user, type, relation });
  return list && { ...list, relation };
}
