import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { Card } from "../shared/Card";
import { ago } from "../shared/format";
import { Notice } from "../shared/Notice";
import { Result, Results } from "../shared/Results";
import { useKept } from "../shared/useKept";
import { useNow } from "../shared/useNow";
import { views } from "./views";

interface Props {
  user: string;
  /** The user's name. */
  name: string;
}

/** The documents that a person viewed last. */
export function LastViewed({ user, name }: Props) {
  const viewings = useKept(useQuery(api.tracking.docs.lastViewed, { user }));
  const now = useNow();
  const label = `Last viewed by ${name}`;
  return (
    <Card title={label} note="Written at most once in 5 minutes for each document.">
      {viewings?.length === 0 && <Notice>Nothing yet.</Notice>}
      <Results label={label}>
        {viewings?.map((viewing) => (
          <Result
            key={viewing.doc}
            title={viewing.title ?? "gone"}
            detail={`${views(viewing.views)}, ${ago(now - viewing.lastViewedAt)}`}
          />
        ))}
      </Results>
    </Card>
  );
}
