import { field } from "../shared/field";
import { list, type Telling } from "../shared/storyText";
import { relationText, userText } from "./words";

/** How the activity of the permissions is told. */
export const telling: Telling = {
  folder: "authz",
  views: ["grants"],
  rows: (keys) => {
    const [first] = keys;
    if (keys.length === 1 && first) return `the grant “${sentence(first.args)}”`;
    const users = [...new Set(keys.map(({ args }) => userText(String(field(args, "user")))))];
    return `${keys.length} grants of ${list(users)}`;
  },
  tag: (tag) => (tag.endsWith("structure") ? "all grants" : `all grants of ${userText(tag.replace(/^authz /, ""))}`),
  served: "checked anew, as a grant from before a change is never served",
  writes: {
    "authz/tuples:write": (args) => {
      const changes = [
        ...tuples(args, "writes").map((tuple) => given(tuple, "is now")),
        ...tuples(args, "deletes").map((tuple) => given(tuple, "is no longer")),
      ];
      return list(changes);
    },
    "authz/sharing:share": (args) => `${text(args, "by")} shared ${thing(args, "doc")} with ${text(args, "viewer")}`,
  },
  effects: {},
};

/** `Charles can read launch-plan`, `Charles is viewer of company` */
function sentence(key: unknown): string {
  const relation = relationText(String(field(key, "relation")));
  const verb = relation.startsWith("can ") ? relation : `is ${relation} of`;
  return `${text(key, "user")} ${verb} ${thing(key, "object")}`;
}

function given(tuple: unknown, verb: string): string {
  return `${text(tuple, "user")} ${verb} ${relationText(String(field(tuple, "relation")))} of ${thing(tuple, "object")}`;
}

function tuples(args: unknown, name: string): unknown[] {
  const listed = field(args, name);
  return Array.isArray(listed) ? listed : [];
}

function text(value: unknown, name: string): string {
  return userText(String(field(value, name)));
}

function thing(value: unknown, name: string): string {
  return String(field(value, name)).replace(/^\w+:/, "");
}
