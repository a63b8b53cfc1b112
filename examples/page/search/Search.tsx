import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { ActivityFeed } from "../shared/ActivityFeed";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { SearchField } from "../shared/SearchField";
import { useKept } from "../shared/useKept";
import { DirectorList } from "./DirectorList";
import { firstSearch } from "./directors";
import { FilmList } from "./FilmList";
import { telling } from "./telling";
import "./search.css";

/** A search for films as you type. Each text is a subscription of its own. */
export function Search({ deployment }: { deployment: string }) {
  const [text, setText] = useState(firstSearch);
  const films = useKept(useQuery(api.search.find.films, { text }));
  return (
    <div className="content">
      <div className="stack">
        <SearchField
          label="Search films"
          placeholder="The beginning of a title, or a director"
          value={text}
          onChange={setText}
        />
        <div className="columns">
          {text.trim() === "" ? (
            <Card title="Nothing to search for">
              <Notice>Type the beginning of a title.</Notice>
            </Card>
          ) : (
            <FilmList films={films} />
          )}
          <DirectorList onSearch={setText} />
        </div>
      </div>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
