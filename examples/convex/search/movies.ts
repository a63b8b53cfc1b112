import { v } from "convex/values";
import { mutation } from "../lazy";
import { film, filmFields } from "./film";
import { movieSearch } from "./movieSearch";
import { normalize, titleKey } from "./text";

/** Adds a film. The first search for its title has its row computed. */
export const add = mutation({
  args: filmFields,
  handler: async (ctx, added) => await ctx.db.insert("movies", withTitleKey(added)),
});

/** Changes a film. Its row becomes stale: the next search that finds it returns the old row, and has it recomputed. */
export const edit = mutation({
  args: { movie: v.id("movies"), changes: film.partial() },
  handler: async (ctx, { movie, changes }) => {
    const { title } = changes;
    await ctx.db.patch("movies", movie, title === undefined ? changes : withTitleKey({ ...changes, title }));
  },
});

/** Removes a film and its row: a stale row would still show up in the next search. */
export const remove = mutation({
  args: { movie: v.id("movies") },
  handler: async (ctx, { movie }) => {
    await ctx.db.delete("movies", movie);
    await movieSearch.evict(ctx, { movie });
  },
});

/** Loads films. None has a row yet. */
export const load = mutation({
  args: { films: v.array(film) },
  handler: async (ctx, { films }) => {
    for (const loaded of films) await ctx.db.insert("movies", withTitleKey(loaded));
    return films.length;
  },
});

/** @throws Error when the title has no letter and no digit: no search could find it. */
function withTitleKey<Film extends { title: string }>(titled: Film): Film & { titleKey: string } {
  const key = titleKey(normalize(titled.title));
  if (key === "") {
    throw new Error(`a film's title is "${titled.title}"; give one with a letter or a digit.`);
  }
  return { ...titled, titleKey: key };
}
