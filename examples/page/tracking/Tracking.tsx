import { useState } from "react";
import type { Id } from "../../convex/_generated/dataModel";
import { ActivityFeed } from "../shared/ActivityFeed";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
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

type Person = (typeof people)[number]["value"];

/** Documents. The query that reads one counts the view. */
export function Tracking({ deployment }: { deployment: string }) {
  const [user, setUser] = useState<Person>("ada");
  const [doc, setDoc] = useState<Id<"docs">>();
  /** How often each person has opened each document on this page. */
  const [times, setTimes] = useState<Record<string, number>>({});
  const name = people.find(({ value }) => value === user)?.text ?? user;
  const opening = (by: Person, opened: Id<"docs"> | undefined) => `${by} ${opened}`;
  const open = (by: Person, opened: Id<"docs"> | undefined) => {
    setUser(by);
    setDoc(opened);
    if (opened) setTimes({ ...times, [opening(by, opened)]: (times[opening(by, opened)] ?? 0) + 1 });
  };
  const timesOpened = times[opening(user, doc)] ?? 0;
  return (
    <div className="content">
      <div className="stack">
        <SegmentedControl label="Reader" options={people} value={user} onChange={(by) => open(by, doc)} />
        <div className="columns">
          <DocumentList opened={doc} onOpen={(chosen) => open(user, chosen)} />
          {doc ? (
            // A new key for each opening makes a new subscription, as a reload of the page would.
            <DocumentCard
              key={`${opening(user, doc)} ${timesOpened}`}
              user={user}
              name={name}
              doc={doc}
              times={timesOpened}
              onOpenAgain={() => open(user, doc)}
            />
          ) : (
            <Card title="No document is open">
              <Notice>Click one in the list.</Notice>
            </Card>
          )}
          <MostViewed />
          <LastViewed user={user} name={name} />
        </div>
      </div>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
