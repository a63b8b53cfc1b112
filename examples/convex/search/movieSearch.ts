import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import type { QueryCtx } from "../_generated/server";
import { film } from "./film";
import { normalize } from "./text";

/** A film, as a search finds it: the table (shape) … */
export const movieSearchTable = viewTable({
  key: { movie: v.id("movies") },
  value: {
    /** The words that find it. */
    text: v.string(),
    /** Null when the film is gone; its text is empty then, so that no search finds it. */
    film: v.union(film, v.null()),
  },
});

/** … and the view (behaviour). A change of the film that `compute` has read makes the row stale. */
export const movieSearch = defineView("movieSearch", {
  table: movieSearchTable,
  window: { seconds: 2 },
  compute: async (ctx: QueryCtx, { movie }) => {
    const found = await ctx.db.get("movies", movie);
    if (found === null) return { text: "", film: null };
    const { title, year, director, genre, distributor, rating, score } = found;
    return {
      text: normalize([title, year, director, genre, distributor].join(" ")),
      film: { title, year, director, genre, distributor, rating, score },
    };
  },
});
