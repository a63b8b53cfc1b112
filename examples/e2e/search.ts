import { deepEqual, equal } from "node:assert/strict";
import { api } from "../convex/_generated/api";
import type { DeploymentClients } from "../deploymentClients";
import type { Check } from "./check";

/** The example `search`, on a film of its own. */
export async function search(app: DeploymentClients, check: Check, id: string): Promise<void> {
  const { http } = app;
  const { films } = api.search.find;
  const [title, director] = [`Heat${id}`, `Mann${id}`];
  const film = { title, year: 1995, director: null, genre: null, distributor: null, rating: null, score: null };
  const movie = await http.mutation(api.search.movies.add, film);

  await check("a film that was never looked for is found by its title at once, and then indexed", async () => {
    const [found] = await http.query(films, { text: title.slice(0, -1) });
    equal(found?.movie, movie);
    const watch = app.watch(films, { text: title });
    await watch.until("the film in the index", ([seen]) => seen?.movie === movie && seen.state === "fresh");
  });
  await check("a film that was changed is indexed anew by being looked for", async () => {
    const byDirector = app.watch(films, { text: director });
    deepEqual(await byDirector.until("no film", () => true), []);
    await http.mutation(api.search.movies.edit, { movie, changes: { director } });
    await http.query(films, { text: title });
    await byDirector.until("the film by its director", ([seen]) => seen?.movie === movie && seen.by === "text");
  });
  await check("an action finds it", async () => {
    equal(await http.action(api.search.assistant.answer, { text: title }), `${title} (1995)`);
  });
}
