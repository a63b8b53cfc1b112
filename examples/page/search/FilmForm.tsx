import { useMutation } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { Form } from "../shared/Form";
import { TextField } from "../shared/TextField";
import type { Film } from "./film";

/** Changes a film in place. This code does not know that the film is indexed. */
export function FilmForm({ film, onDone }: { film: Film; onDone: () => void }) {
  const [title, setTitle] = useState(film.title);
  const [director, setDirector] = useState(film.director ?? "");
  const edit = useMutation(api.search.movies.edit);
  const save = async () => {
    await edit({ movie: film.movie, changes: { title, director: director || null } });
    onDone();
  };
  return (
    <li>
      <Form label={`Edit ${film.title}`} submit="Save" onSubmit={save} onCancel={onDone}>
        <TextField label="Title" value={title} onChange={setTitle} />
        <TextField label="Director" value={director} onChange={setDirector} />
      </Form>
    </li>
  );
}
