import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { ActivityFeed } from "../shared/ActivityFeed";
import { SearchField } from "../shared/SearchField";
import { useKept } from "../shared/useKept";
import { FilmList } from "./FilmList";
import { Suggestions } from "./Suggestions";
import { telling } from "./telling";
import "./search.css";

/** Films, searched as one types: every text is a subscription of its own. */
export function Search({ deployment }: { deployment: string }) {
  const [text, setText] = useState("");
  const films = useKept(useQuery(api.search.find.films, { text }));
  return (
    <div className="content">
      <div className="stack">
        <SearchField
          label="Search films"
          placeholder="A title, as it begins; or any word of a film that was found before"
          value={text}
          onChange={setText}
        />
        <Suggestions onChoose={setText} />
        {films && text.trim() !== "" && <FilmList films={films} />}
      </div>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
