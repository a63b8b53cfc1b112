/** The sample's folders and documents. */
import { sampleDocs, sampleTuples } from "../../convex/authz/sample";

/** A folder or a document: `folder:launch`. */
export interface DriveObject {
  object: string;
  type: "folder" | "doc";
  /** How many folders it is in. */
  depth: number;
}

/** The tuples that put folders and documents into folders. The user of such a tuple is the outer folder. */
const parents = sampleTuples.filter(({ relation }) => relation === "parent");

/** The folders and documents, each below the folder that it is in. */
export const drive: DriveObject[] = parents
  .map(({ user }) => user)
  .filter((folder, i, all) => all.indexOf(folder) === i && folderAround(folder) === undefined)
  .flatMap((folder) => withContents(folder, 0));

/** The document that is in the most folders. The tab checks rights to this one. */
export const deepest: DriveObject = drive.reduce((a, b) => (b.depth > a.depth ? b : a));

/** An object and its contents, documents before folders. */
function withContents(object: string, depth: number): DriveObject[] {
  const contents = parents.filter(({ user }) => user === object).map((parent) => parent.object);
  const isDoc = (each: string) => sampleDocs.includes(each);
  return [
    { object, type: isDoc(object) ? "doc" : "folder", depth },
    ...contents
      .toSorted((a, b) => Number(isDoc(b)) - Number(isDoc(a)))
      .flatMap((each) => withContents(each, depth + 1)),
  ];
}

function folderAround(object: string): string | undefined {
  return parents.find((parent) => parent.object === object)?.user;
}
