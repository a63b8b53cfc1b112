import { v } from "convex/values";

/** The fields of a film, in its source document and in the row of its view. */
export const filmFields = {
  title: v.string(),
  year: v.number(),
  director: v.union(v.string(), v.null()),
  genre: v.union(v.string(), v.null()),
  distributor: v.union(v.string(), v.null()),
  /** The Motion Picture Association's: `"PG-13"`. */
  rating: v.union(v.string(), v.null()),
  /** The score that IMDb's users give, from 1 to 10. */
  score: v.union(v.number(), v.null()),
};

export const film = v.object(filmFields);
