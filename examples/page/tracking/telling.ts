import { field } from "../shared/field";
import { rowsOf, type Telling } from "../shared/storyText";

/** The words for the activity of the documents. */
export const telling: Telling = {
  folder: "tracking",
  views: ["docViews"],
  rows: (keys, name) => rowsOf(keys.map(({ args }) => `“${name(field(args, "doc"))}”`)),
  writes: {
    "tracking/docs:add": (args) => `“${field(args, "title")}” was added`,
    "tracking/views:viewed": (args, name) => `a view of “${name(field(args, "doc"))}” was counted`,
  },
  effects: {
    "tracking/views:viewed": {
      seen: (args, name) => `${person(field(args, "user"))} opened “${name(field(args, "doc"))}”`,
      asked: "count the view",
      done: "the view was counted",
    },
  },
};

function person(user: unknown): string {
  const id = String(user);
  return id.charAt(0).toUpperCase() + id.slice(1);
}
