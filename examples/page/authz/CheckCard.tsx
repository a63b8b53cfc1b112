import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { Badge } from "../shared/Badge";
import { Card } from "../shared/Card";
import { ComparisonBars } from "../shared/ComparisonBars";
import { FreshnessBadge } from "../shared/FreshnessBadge";
import { SegmentedControl } from "../shared/SegmentedControl";
import { type DriveObject, permissions } from "./drive";
import { relationText, userText } from "./words";

interface Props {
  user: string;
  about: DriveObject;
}

/** One question, answered by the stored grant and, to compare, by the tuples alone. */
export function CheckCard({ user, about: { object, type, name } }: Props) {
  const [relation, setRelation] = useState(permissions[type][0] ?? "");
  const question = { user, relation, object };
  const byGrant = useQuery(api.authz.permissions.check, question);
  const byTuples = useQuery(api.authz.permissions.checkWithoutGrant, question);
  const options = permissions[type].map((each) => ({ value: each, text: relationText(each) }));
  return (
    <Card
      title={`${userText(user)}, ${name}`}
      note={
        <code>
          {user} {relation} {object}
        </code>
      }
      aside={<FreshnessBadge row={byGrant && { state: byGrant.state, computedAt: null }} />}
    >
      <SegmentedControl label="Check" options={options} value={relation} onChange={setRelation} />
      <p className="check__answer" aria-live="polite">
        {byGrant && (
          <Badge state={byGrant.allowed ? "allowed" : "denied"}>{byGrant.allowed ? "allowed" : "not allowed"}</Badge>
        )}
      </p>
      <ComparisonBars
        caption="Documents read by the check"
        bars={[
          { name: "with the grant", count: byGrant?.documentsRead ?? null },
          { name: "without", count: byTuples?.documentsRead ?? null },
        ]}
      />
    </Card>
  );
}
