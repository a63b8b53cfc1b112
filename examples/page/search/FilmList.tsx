import { useState } from "react";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { Results } from "../shared/Results";
import { FilmForm } from "./FilmForm";
import { FilmResult } from "./FilmResult";
import type { Film } from "./film";

/** The films that were found, one of which may be in editing. */
export function FilmList({ films }: { films: Film[] }) {
  const [edited, edit] = useState<Film["movie"]>();
  const underway = films.filter(({ state }) => state !== "fresh").length;
  return (
    <Card title={`${films.length} film${films.length === 1 ? "" : "s"}`} note={summary(underway)}>
      {films.length === 0 && (
        <Notice>None. By its director, a film is found once it has been found by its title.</Notice>
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

function summary(underway: number): string {
  return underway === 0
    ? "Each has an up-to-date row in the search index."
    : `${underway} of them ${underway === 1 ? "is" : "are"} being indexed, because this search has found them.`;
}
