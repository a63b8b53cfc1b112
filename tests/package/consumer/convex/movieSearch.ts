import { defineView, not, viewTable, when } from "convex-lazy-views";
import { z } from "zod";
import type { Doc } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";

/** A view whose shapes are zod objects. */
export const movieSearchTable = viewTable({
  key: z.object({ year: z.number().int(), prefix: z.string().optional() }),
  value: z.object({ titles: z.array(z.string()), kind: z.enum(["full", "partial"]) }),
});

export const movieSearch = defineView("movieSearch", {
  table: movieSearchTable,
  sources: { movies: (movie: Doc<"movies">) => [{ year: movie.year }] },
  staleWhen: not(when((row: { key: { year: number }; value: { kind: string } }) => row.value.kind === "full")),
  compute: async (ctx: QueryCtx, { year, prefix = "" }) => {
    const movies = await ctx.db
      .query("movies")
      .withIndex("by_year", (q) => q.eq("year", year))
      .collect();
    const titles = movies.map(({ title }) => title).filter((title) => title.startsWith(prefix));
    return { titles, kind: "full" as const };
  },
});
