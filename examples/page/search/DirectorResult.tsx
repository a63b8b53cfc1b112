import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { Badge } from "../shared/Badge";
import { Result } from "../shared/Results";
import type { directors } from "./directors";
import { filmCount } from "./filmCount";

interface Props {
  director: (typeof directors)[number];
  onSearch: (text: string) => void;
}

/** The films that a search for a director finds; if none, a button whose search by title gets one into the index. */
export function DirectorResult({ director: { name, title }, onSearch }: Props) {
  const films = useQuery(api.search.find.films, { text: name });
  if (films === undefined) return <Result title={name} detail="Searching …" />;
  if (films.length === 0) {
    return (
      <Result
        title={name}
        detail="not in the index yet"
        aside={
          <div className="search__aside">
            <Badge state="missing">0 films</Badge>
            <button type="button" className="button" onClick={() => onSearch(title)}>
              Search “{title}”
            </button>
          </div>
        }
      />
    );
  }
  return (
    <Result
      title={name}
      onOpen={() => onSearch(name)}
      detail={films.map((film) => film.title).join(", ")}
      aside={<Badge state="fresh">{filmCount(films.length)}</Badge>}
    />
  );
}
