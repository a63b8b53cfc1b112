import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { clockTime } from "../shared/format";
import { dependencyText } from "./dependencyText";

/** What an airport's row depends on, and which write has made it stale. It subscribes only while it is open. */
export function Why({ airport }: { airport: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="why" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>What is this computed from?</summary>
      {isOpen && <Explained airport={airport} />}
    </details>
  );
}

function Explained({ airport }: { airport: string }) {
  const explained = useQuery(api.rollups.dashboard.why, { airport });
  if (!explained) return null;
  const { dependsOn, marked } = explained;
  return (
    <ul>
      {dependsOn.map(dependencyText).map((text) => (
        <li key={text}>
          <code>{text}</code>
        </li>
      ))}
      <li>{marked ? `Marked by ${marked.by} at ${clockTime(marked.at)}` : "Nothing of it has changed since"}</li>
    </ul>
  );
}
