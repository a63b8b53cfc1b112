import { useState } from "react";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { Results } from "../shared/Results";
import { FilmForm } from "./FilmForm";
import { FilmResult } from "./FilmResult";
import type { Film } from "./film";
import { filmCount } from "./filmCount";

/** The films that the search found, undefined until they are loaded. You can edit one of them at a time. */
export function FilmList({ films }: { films: Film[] | undefined }) {
  const [edited, edit] = useState<Film["movie"]>();
  if (films === undefined) return <Card title="Searching …">{null}</Card>;
  return (
    <Card title={filmCount(films.length)} note={films.length > 0 && summary(films)}>
      {films.length === 0 && (
        <Notice>
          No title begins like this, and no indexed film has these words. Search for a film by its title: then the index
          has it, and finds it by director, genre and year too.
        </Notice>
      )}
      <Results label="Films">
        {films.map((film) =>
          film.movie === edited ? (
            <FilmForm key={film.movie} film={film} onDone={() => edit(undefined)} />
          ) : (
            <FilmResult key={film.movie} film={film} onEdit={() => edit(film.movie)} />
          ),
        )}
      </Results>
    </Card>
  );
}

/** How many films the search found, and how many rows it has scheduled. */
function summary(films: Film[]): string {
  const missing = films.filter(({ state }) => state === "missing").length;
  const outdated = films.filter(({ state }) => state === "stale" || state === "expired").length;
  if (missing > 0) return `Found by title. This search asks for the ${filmCount(missing)} that the index lacks.`;
  if (outdated > 0) return `This search asks for a new index row of ${filmCount(outdated)}, changed since.`;
  return "The index has an up-to-date row for each.";
}
