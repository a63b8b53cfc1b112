import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { Badge } from "../shared/Badge";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { Result, Results } from "../shared/Results";
import { views } from "./views";

/** The most viewed documents, by an index on the view's table. */
export function MostViewed() {
  const docs = useQuery(api.tracking.docs.mostViewed, {});
  return (
    <Card title="Most viewed" note="By all readers, from an index on the stored counts.">
      {docs?.length === 0 && <Notice>No document has been viewed yet.</Notice>}
      <Results label="Most viewed">
        {docs?.map((row) => (
          <Result
            key={row.doc}
            title={row.title ?? "gone"}
            detail={row.views === null ? "not counted yet" : views(row.views)}
            aside={<Badge state={row.state}>{row.state}</Badge>}
          />
        ))}
      </Results>
    </Card>
  );
}
