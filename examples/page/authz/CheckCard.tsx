import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { Badge } from "../shared/Badge";
import { Card } from "../shared/Card";
import { ComparisonBars } from "../shared/ComparisonBars";
import { FreshnessBadge } from "../shared/FreshnessBadge";
import { deepest } from "./drive";
import { nameText } from "./words";

/** How the check got its answer, by the state of the stored grant. */
const explanations: Record<"fresh" | "stale" | "expired" | "missing", string> = {
  fresh: "The stored grant gave the answer. That takes at most 3 documents, however deep the folders are.",
  stale: "The stored grant gave the answer.",
  expired:
    "The stored grant is from before a change, so it was not used. This check followed groups and folders, and " +
    "asked for a new grant.",
  missing: "No grant is stored yet. This check followed groups and folders, and asked for a grant.",
};

/** One check, answered by the stored grant and, for comparison, by groups and folders alone. */
export function CheckCard({ user }: { user: string }) {
  const question = { user, relation: "can_read", object: deepest.object };
  const byGrant = useQuery(api.authz.permissions.check, question);
  const byTuples = useQuery(api.authz.permissions.checkWithoutGrant, question);
  return (
    <Card
      title={
        <>
          May {nameText(user)} read <span className="check__document">{nameText(deepest.object)}</span>?
        </>
      }
      note={
        <code>
          {user} {question.relation} {question.object}
        </code>
      }
    >
      <div className="check__answer">
        <p aria-live="polite">
          {byGrant && (
            <Badge state={byGrant.allowed ? "allowed" : "denied"}>{byGrant.allowed ? "allowed" : "not allowed"}</Badge>
          )}
        </p>
        <div className="check__grant">
          grant <FreshnessBadge row={byGrant && { state: byGrant.state, computedAt: null }} />
        </div>
      </div>
      <ComparisonBars
        caption="Documents read by this check"
        bars={[
          // Without a fresh grant, the check reads groups and folders too, so its count is not comparable.
          { name: "with the stored grant", count: byGrant?.state === "fresh" ? byGrant.documentsRead : null },
          { name: "without it", count: byTuples?.documentsRead ?? null },
        ]}
      />
      <p className="check__explanation">{byGrant && explanations[byGrant.state]}</p>
    </Card>
  );
}
