import { v } from "convex/values";
import type { RowState } from "convex-lazy-views";
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { query } from "../lazy";
import { movieSearch } from "./movieSearch";
import { searchText, titleKey } from "./text";

// A keystroke reads at most 20 documents: 6 films by title, a row for each of these, and 8 rows of the search index.
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
  /** Found by the titles of the source documents, or in the search index. */
  by: "title" | "text";
  /** The state of its row in the search index. A missing or stale row is about to be computed. */
  state: RowState;
}

/**
 * The films for the text that a user has typed so far; an empty text finds none. The films whose title begins with the
 * text come first. They come from their source documents and need no row; reading a missing or stale row here schedules
 * its recompute. Then come the films of the search index, which finds them by any word of title, director, genre,
 * distributor and year. Stale rows are served, and recomputed in the background.
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
