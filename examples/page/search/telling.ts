import { field } from "../shared/field";
import { rowsOf, type Telling } from "../shared/storyText";

/** How the activity of the search is told. */
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
