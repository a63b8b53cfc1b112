import { useState } from "react";
import { sampleUsers } from "../../convex/authz/sample";
import { ActivityFeed } from "../shared/ActivityFeed";
import { SegmentedControl } from "../shared/SegmentedControl";
import { CheckCard } from "./CheckCard";
import { DriveCard } from "./DriveCard";
import { type DriveObject, drive } from "./drive";
import { TuplesCard } from "./TuplesCard";
import { telling } from "./telling";
import { userText } from "./words";
import "./authz.css";

const users = sampleUsers.map((user) => ({ value: user, text: userText(user) }));
/** Who may read what lies deepest by the longest way: through a group, and the outermost folder. */
const firstUser = "user:charles";
const deepest = drive.reduce((a, b) => (b.depth > a.depth ? b : a));

/** Google Drive's permissions: who may do what, by stored grants that are never out of date. */
export function Permissions({ deployment }: { deployment: string }) {
  const [user, setUser] = useState(firstUser);
  const [chosen, choose] = useState<DriveObject>(deepest);
  return (
    <div className="content">
      <div className="stack">
        <SegmentedControl label="Who asks" options={users} value={user} onChange={setUser} />
        <div className="columns">
          <DriveCard user={user} chosen={chosen} onChoose={choose} />
          <div className="stack">
            <CheckCard key={chosen.type} user={user} about={chosen} />
            <TuplesCard user={user} about={chosen} />
          </div>
        </div>
      </div>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
