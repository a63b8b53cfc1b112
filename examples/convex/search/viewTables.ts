import { v } from "convex/values";
import { viewTable } from "convex-lazy-views";
import { film } from "./film";

/** A film with the words that find it. */
export const movieSearchTable = viewTable({
  key: { movie: v.id("movies") },
  value: {
    /** The words that find it. */
    text: v.string(),
    /** Null when the film is gone; its text is empty then, so that no search finds it. */
    film: v.union(film, v.null()),
  },
});
