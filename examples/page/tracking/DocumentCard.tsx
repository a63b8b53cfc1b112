import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { ActionRow } from "../shared/ActionRow";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { DocumentStats } from "./DocumentStats";

interface Props {
  user: string;
  doc: Id<"docs"> | undefined;
  onOpenAgain: () => void;
}

/** An open document with its count. The query that shows it counts the view; there is no code for it here. */
export function DocumentCard({ user, doc, onOpenAgain }: Props) {
  const opened = useQuery(api.tracking.docs.open, doc ? { user, doc } : "skip");
  if (!doc) {
    return (
      <Card title="No document is open">
        <Notice>Choose one from the list.</Notice>
      </Card>
    );
  }
  if (opened === null) {
    return (
      <Card title="This document is gone">
        <Notice>Choose another one from the list.</Notice>
      </Card>
    );
  }
  return (
    <Card title={opened?.title ?? "Opening…"}>
      <p className="document__text">{opened?.text}</p>
      <DocumentStats doc={doc} />
      <ActionRow
        actions={[{ label: "Open it again", run: async () => onOpenAgain() }]}
        note="within 5 minutes it is no new view"
      />
    </Card>
  );
}
