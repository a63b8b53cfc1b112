/** Real films for the search: box office and ratings of 3,200 films, as packaged by `vega-datasets`. */
import type { ConvexHttpClient } from "convex/browser";
import type { FunctionArgs } from "convex/server";
import { api } from "./convex/_generated/api";
import { dataFile } from "./dataFile";
import type { LoadProgress } from "./flightsData";

/** One film, as `api.search.movies.load` takes it. */
export type Film = FunctionArgs<typeof api.search.movies.load>["films"][number];

/** The fields that `films` uses, as the file names them. */
interface FileRow {
  Title: string | number | null;
  "Release Date": string;
  "MPAA Rating": string | null;
  Distributor: string | null;
  "Major Genre": string | null;
  Director: string | null;
  "IMDB Rating": number | null;
}

/** How many films one call of `api.search.movies.load` gets. */
const BATCH = 200;
/** The file was made from two-digit years: a film that it dates later than this is a century older. */
const LAST_YEAR = 2011;

/** The films in the file's order, without the one that has no title. */
export function films(): Film[] {
  const rows = JSON.parse(dataFile("movies.json")) as FileRow[];
  return rows.filter(({ Title }) => Title !== null).map(toFilm);
}

/** Loads the films in batches, through a deployment's public mutation. */
export async function loadInto(
  client: ConvexHttpClient,
  { onProgress }: { onProgress?: (progress: LoadProgress) => void } = {},
): Promise<void> {
  const all = films();
  for (let loaded = 0; loaded < all.length; ) {
    const batch = all.slice(loaded, loaded + BATCH);
    loaded += await client.mutation(api.search.movies.load, { films: batch });
    onProgress?.({ loaded, total: all.length });
  }
}

function toFilm(row: FileRow): Film {
  const year = Number(row["Release Date"].slice(-4));
  return {
    title: String(row.Title),
    year: year > LAST_YEAR ? year - 100 : year,
    director: row.Director,
    genre: row["Major Genre"],
    distributor: row.Distributor,
    rating: row["MPAA Rating"],
    score: row["IMDB Rating"],
  };
}
