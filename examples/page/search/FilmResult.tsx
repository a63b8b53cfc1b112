import { FreshnessBadge } from "../shared/FreshnessBadge";
import { Result } from "../shared/Results";
import type { Film } from "./film";

const found: Record<Film["by"], string> = {
  title: "found by title",
  text: "found in the index",
};

/** A film that the search found, with where it was found, and whether its row is up to date. */
export function FilmResult({ film, onEdit }: { film: Film; onEdit: () => void }) {
  const { title, year, director, genre, by, state } = film;
  return (
    <Result
      title={
        <>
          {title} <span className="film__year">{year}</span>
        </>
      }
      detail={[director ?? "director unknown", genre, found[by]].filter(Boolean).join(" · ")}
      aside={
        <div className="search__aside">
          <FreshnessBadge row={{ state, computedAt: null }} />
          <button type="button" className="film__edit" onClick={onEdit} aria-label={`Edit ${title}`}>
            Edit
          </button>
        </div>
      }
    />
  );
}
