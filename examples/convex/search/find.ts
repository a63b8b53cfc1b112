import { v } from "convex/values";
import type { RowState } from "convex-lazy-views";
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { query } from "../lazy";
import { movieSearch } from "./movieSearch";
import { searchText, titleKey } from "./text";

// A keystroke reads at most 20 documents: films by their title, a row for each of them, rows of the search index.
const BY_TITLE = 6;
const BY_TEXT = 8;

/** A film that was found. */
export interface Found {
  movie: Id<"movies">;
  title: string;
  year: number;
  director: string | null;
  genre: string | null;
  rating: string | null;
  score: number | null;
  /** Where: among the titles of the films themselves, or in the search index. */
  by: "title" | "text";
  /** Of its row in the search index. One that is missing or stale is on its way. */
  state: RowState;
}

/**
 * The films for what somebody has typed so far; none for nothing. First those whose title begins so, from the films
 * themselves: they need no row, and if they have none, or an old one, it is raised here. Then those that the search
 * index knows, by any word of title, director, genre, distributor and year; stale ones are served, and indexed anew.
 */
export const films = query({
  args: { text: v.string() },
  handler: async (ctx, args): Promise<Found[]> => {
    const text = searchText(args.text);
    if (text === "") return [];
    const [titled, indexed] = await Promise.all([
      titlesFrom(ctx, titleKey(text)),
      movieSearch.readRows(
        ctx,
        ctx.db
          .query("movieSearch")
          .withSearchIndex("by_text", (q) => q.search("value.text", text))
          .take(BY_TEXT),
      ),
    ]);
    const found = new Map<Id<"movies">, Found>();
    for (const { key, value, state } of indexed) {
      const film = value?.film ?? null;
      if (film !== null) found.set(key.movie, toFound(key.movie, film, "text", state));
    }
    const byTitle = await Promise.all(
      titled.map(async (film) => {
        const state = found.get(film._id)?.state ?? (await movieSearch.read(ctx, { movie: film._id })).state;
        return toFound(film._id, film, "title", state);
      }),
    );
    for (const { movie } of byTitle) found.delete(movie);
    return [...byTitle, ...found.values()];
  },
});

async function titlesFrom(ctx: QueryCtx, prefix: string): Promise<Doc<"movies">[]> {
  return await ctx.db
    .query("movies")
    .withIndex("by_title", (q) => q.gte("titleKey", prefix).lt("titleKey", `${prefix}\u{10ffff}`))
    .take(BY_TITLE);
}

function toFound(
  movie: Id<"movies">,
  { title, year, director, genre, rating, score }: Omit<Found, "movie" | "by" | "state">,
  by: Found["by"],
  state: RowState,
): Found {
  return { movie, title, year, director, genre, rating, score, by, state };
}
