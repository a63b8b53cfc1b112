import { field } from "../shared/field";
import { rowsOf, type Telling } from "../shared/storyText";

/** The words for the activity of the search. */
export const telling: Telling = {
  folder: "search",
  views: ["movieSearch"],
  rows: (keys, name) => rowsOf(keys.map(({ args }) => `“${name(field(args, "movie"))}”`)),
  writes: {
    "search/movies:edit": (args, name) =>
      `“${field(args, "changes", "title") ?? name(field(args, "movie"))}” was edited`,
  },
  effects: {},
};
