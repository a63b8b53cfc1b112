import { Card } from "../shared/Card";
import { ConditionSwitch } from "./ConditionSwitch";
import { deepest } from "./drive";
import type { Person } from "./people";
import { nameText, tupleText } from "./words";

/** The tuples that the answer depends on. Each switch writes or deletes one. */
export function ConditionsCard({ person: { user, conditions } }: { person: Person }) {
  const folder = conditions.at(-1)?.object ?? "";
  return (
    <Card
      title="Change the answer"
      note={`${nameText(user)} may read ${nameText(deepest.object)} while all of these are true.`}
    >
      <ul className="conditions" aria-label="Conditions">
        {conditions.map((tuple) => (
          <ConditionSwitch key={tupleText(tuple)} tuple={tuple} />
        ))}
        <li className="condition condition--fixed">
          {nameText(deepest.object)} lies below {nameText(folder)}
        </li>
      </ul>
    </Card>
  );
}
