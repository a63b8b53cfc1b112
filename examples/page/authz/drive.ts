/** The sample's folders, documents and groups, and what can be asked and given about them. */
import { sampleDocs, sampleTuples } from "../../convex/authz/sample";

export type ObjectType = "folder" | "doc" | "group";

/** Something that permissions are about: `folder:launch`. */
export interface DriveObject {
  object: string;
  type: ObjectType;
  name: string;
  /** How many folders it lies in. */
  depth: number;
}

/** What one may be allowed to do with an object of a type. */
export const permissions: Record<ObjectType, readonly string[]> = {
  folder: ["viewer", "can_create_file"],
  doc: ["can_read", "can_write", "can_share"],
  group: ["member"],
};

/** What can be given to somebody, of an object of a type. */
export const givable: Record<ObjectType, readonly string[]> = {
  folder: ["viewer", "owner"],
  doc: ["viewer", "owner"],
  group: ["member"],
};

/** Folders in folders and documents in folders: the user of such a tuple is the folder around. */
const parents = sampleTuples.filter(({ relation }) => relation === "parent");

/** The folders and documents, each below the folder that it lies in. */
export const drive: DriveObject[] = parents
  .map(({ user }) => user)
  .filter((folder, i, all) => all.indexOf(folder) === i && folderAround(folder) === undefined)
  .flatMap((folder) => withContents(folder, 0));

/** The groups that have members. */
export const groups: DriveObject[] = sampleTuples
  .filter(({ relation }) => relation === "member")
  .map(({ object }) => object)
  .filter((group, i, all) => all.indexOf(group) === i)
  .map((group) => driveObject(group, 0));

/** An object and what lies in it, documents before folders. */
function withContents(object: string, depth: number): DriveObject[] {
  const contents = parents.filter(({ user }) => user === object).map((parent) => parent.object);
  const isDoc = (each: string) => sampleDocs.includes(each);
  return [
    driveObject(object, depth),
    ...contents
      .toSorted((a, b) => Number(isDoc(b)) - Number(isDoc(a)))
      .flatMap((each) => withContents(each, depth + 1)),
  ];
}

function folderAround(object: string): string | undefined {
  return parents.find((parent) => parent.object === object)?.user;
}

function driveObject(object: string, depth: number): DriveObject {
  const [type = "", name = ""] = object.split(":");
  return { object, type: type as ObjectType, name, depth };
}
