import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";

/** The relations that a person has to an object. */
export type Permissions = (object: string) => string[];

/** A person's permissions; undefined until the lists of all relations are loaded. */
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
  return (object) => known.filter(({ objects }) => objects.includes(object)).map(({ relation }) => relation);
}

function useObjects(user: string, type: string, relation: string) {
  const list = useQuery(api.authz.permissions.listObjects, { user, type, relation });
  return list && { objects: list.objects, relation };
}
