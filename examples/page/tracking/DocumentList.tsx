import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { Result, Results } from "../shared/Results";

interface Props {
  opened: Id<"docs"> | undefined;
  onOpen: (doc: Id<"docs">) => void;
}

/** The documents to choose from. */
export function DocumentList({ opened, onOpen }: Props) {
  const docs = useQuery(api.tracking.docs.list, {});
  return (
    <Card title="Documents" note="Open one: the query that reads it has the view noted.">
      {docs?.length === 0 && <Notice>No documents yet: add some first.</Notice>}
      <Results label="Documents">
        {docs?.map(({ doc, title }) => (
          <Result key={doc} title={title} open={doc === opened} onOpen={() => onOpen(doc)} />
        ))}
      </Results>
    </Card>
  );
}
