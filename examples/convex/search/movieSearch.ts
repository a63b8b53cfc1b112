import { defineView } from "convex-lazy-views";
import type { QueryCtx } from "../_generated/server";
import { normalize } from "./text";
import { movieSearchTable } from "./viewTables";

/** A film with the words that find it. A change to the film makes the row stale, because `compute` has read it. */
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
