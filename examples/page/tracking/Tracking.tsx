import { useState } from "react";
import type { Id } from "../../convex/_generated/dataModel";
import { ActivityFeed } from "../shared/ActivityFeed";
import { SegmentedControl } from "../shared/SegmentedControl";
import { DocumentCard } from "./DocumentCard";
import { DocumentList } from "./DocumentList";
import { LastViewed } from "./LastViewed";
import { MostViewed } from "./MostViewed";
import { telling } from "./telling";
import "./tracking.css";

const people = [
  { value: "ada", text: "Ada" },
  { value: "grace", text: "Grace" },
  { value: "alan", text: "Alan" },
] as const;

/** Documents, whose reading is noted by the query that reads them. */
export function Tracking({ deployment }: { deployment: string }) {
  const [user, setUser] = useState<(typeof people)[number]["value"]>("ada");
  const [doc, open] = useState<Id<"docs">>();
  const [times, setTimes] = useState(0);
  const reader = people.find(({ value }) => value === user)?.text ?? user;
  return (
    <div className="content">
      <div className="stack">
        <SegmentedControl label="Who reads" options={people} value={user} onChange={setUser} />
        <div className="columns">
          <DocumentList opened={doc} onOpen={open} />
          {/* Every opening is a subscription of its own, as after a reload of the page. */}
          <DocumentCard key={`${doc} ${user} ${times}`} user={user} doc={doc} onOpenAgain={() => setTimes(times + 1)} />
          <MostViewed />
          <LastViewed user={user} name={reader} />
        </div>
      </div>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
