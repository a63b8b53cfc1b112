import { Card } from "../shared/Card";
import { Results } from "../shared/Results";
import { DirectorResult } from "./DirectorResult";
import { directors } from "./directors";

/** Directors with the films that a search for their names finds: none until one of their films is in the index. */
export function DirectorList({ onSearch }: { onSearch: (text: string) => void }) {
  return (
    <Card
      title="Searches by director"
      note="Only the search index knows directors. It has a film once a search has found the film by its title."
    >
      <Results label="Searches by director">
        {directors.map((director) => (
          <DirectorResult key={director.name} director={director} onSearch={onSearch} />
        ))}
      </Results>
    </Card>
  );
}
