import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { Result, Results } from "../shared/Results";
import { views } from "./views";

interface Props {
  opened: Id<"docs"> | undefined;
  onOpen: (doc: Id<"docs">) => void;
}

/** The documents to choose from, with their view counts. */
export function DocumentList({ opened, onOpen }: Props) {
  const docs = useQuery(api.tracking.docs.list, {});
  return (
    <Card title="Documents" note="Click one to open it. The query that reads it counts the view.">
      {docs?.length === 0 && <Notice>No documents yet: add some first.</Notice>}
      <Results label="Documents">
        {docs?.map(({ doc, title }) => (
          <Result
            key={doc}
            title={title}
            open={doc === opened}
            onOpen={() => onOpen(doc)}
            aside={<ViewCount doc={doc} />}
          />
        ))}
      </Results>
    </Card>
  );
}

function ViewCount({ doc }: { doc: Id<"docs"> }) {
  const row = useQuery(api.tracking.docs.stats, { doc });
  return <span className="view-count">{row && views(row.value.views)}</span>;
}
