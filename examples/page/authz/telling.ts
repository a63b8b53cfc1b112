import type { Tuple } from "../../convex/authz/tuple";
import { field } from "../shared/field";
import { list, type Telling } from "../shared/storyText";
import { nameText, rightText, tupleText } from "./words";

/** The words for the activity of the permissions. */
export const telling: Telling = {
  folder: "authz",
  views: ["grants"],
  rows: (keys) => {
    const [first] = keys;
    if (keys.length === 1 && first) return `the grant “${sentence(first.args)}”`;
    const users = [...new Set(keys.map(({ args }) => text(args, "user")))];
    return `${keys.length} grants of ${list(users)}`;
  },
  tag: (tag) => (tag.endsWith("structure") ? "all grants" : `all grants of ${nameText(tag.replace(/^authz /, ""))}`),
  served: "checked the tuples instead, because a grant from before a change is never used",
  writes: {
    "authz/tuples:write": (args) => {
      const changes = [
        ...tuples(args, "writes").map((tuple) => `“${tupleText(tuple)}” is true now`),
        ...tuples(args, "deletes").map((tuple) => `“${tupleText(tuple)}” is no longer true`),
      ];
      return list(changes);
    },
    "authz/sharing:share": (args) => `${text(args, "by")} shared ${text(args, "doc")} with ${text(args, "viewer")}`,
  },
  effects: {},
};

/** `Charles may read launch-plan`, `Charles may view company/` */
function sentence(key: unknown): string {
  return `${text(key, "user")} may ${rightText(String(field(key, "relation")))} ${text(key, "object")}`;
}

function tuples(args: unknown, name: string): Tuple[] {
  const listed = field(args, name);
  return Array.isArray(listed) ? listed : [];
}

function text(value: unknown, name: string): string {
  return nameText(String(field(value, name)));
}
