import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { ActionRow } from "../shared/ActionRow";
import { Card } from "../shared/Card";
import { FreshnessBadge } from "../shared/FreshnessBadge";
import { wholeNumber } from "../shared/format";
import { Metric } from "../shared/Metric";
import { Notice } from "../shared/Notice";
import { useNow } from "../shared/useNow";
import { countdown } from "./countdown";

interface Props {
  user: string;
  /** The user's name. */
  name: string;
  doc: Id<"docs">;
  /** How often the user has opened it on this page. */
  times: number;
  onOpenAgain: () => void;
}

const NOT_KNOWN = "–";

/** An open document with its counts. The query that shows it counts the view, so this code need not. */
export function DocumentCard({ user, name, doc, times, onOpenAgain }: Props) {
  const opened = useQuery(api.tracking.docs.open, { user, doc });
  const row = useQuery(api.tracking.docs.stats, { doc });
  const viewings = useQuery(api.tracking.docs.lastViewed, { user });
  const now = useNow();
  if (opened === null) {
    return (
      <Card title="This document was deleted">
        <Notice>Choose another one from the list.</Notice>
      </Card>
    );
  }
  const viewing = viewings?.find((each) => each.doc === doc);
  const text = (count: number | undefined) => (count === undefined ? NOT_KNOWN : wholeNumber(count));
  return (
    <Card title={opened?.title ?? "Opening…"} aside={<FreshnessBadge row={row} />}>
      <p className="document__text">{opened?.text}</p>
      <dl className="metrics">
        <Metric name={`opened by ${name}`} text={text(times)} />
        <Metric name={`counted for ${name}`} text={text(viewings && (viewing?.views ?? 0))} />
        <Metric name="views in all" text={text(row?.value.views)} />
      </dl>
      <ActionRow
        actions={[{ label: "Open it again", run: async () => onOpenAgain() }]}
        note={viewing ? countdown(viewing.countsAgainAt - now) : "the view is on its way"}
      />
    </Card>
  );
}
