import { useState } from "react";
import { ActivityFeed } from "../shared/ActivityFeed";
import { SegmentedControl } from "../shared/SegmentedControl";
import { CheckCard } from "./CheckCard";
import { ConditionsCard } from "./ConditionsCard";
import { DriveCard } from "./DriveCard";
import { people } from "./people";
import { telling } from "./telling";
import { nameText } from "./words";
import "./authz.css";

const options = people.map(({ user }) => ({ value: user, text: nameText(user) }));
/** Charles's right comes by the longest path: through a group and the outermost folder. */
const firstUser = "user:charles";

/** Permissions as in Google Drive, by stored grants that are never out of date. */
export function Permissions({ deployment }: { deployment: string }) {
  const [user, setUser] = useState(firstUser);
  const person = people.find((each) => each.user === user);
  return (
    <div className="content">
      <div className="stack">
        <SegmentedControl label="Person" options={options} value={user} onChange={setUser} />
        <div className="columns">
          <div className="stack">
            <CheckCard user={user} />
            {person && <ConditionsCard key={user} person={person} />}
          </div>
          <DriveCard user={user} />
        </div>
      </div>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
