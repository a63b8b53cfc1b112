import { useMutation, useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { ActionRow } from "../shared/ActionRow";
import { Card } from "../shared/Card";
import { Notice } from "../shared/Notice";
import { Result, Results } from "../shared/Results";
import { type DriveObject, givable } from "./drive";
import { relationText, userText } from "./words";

interface Props {
  user: string;
  about: DriveObject;
}

/** Who was given what about an object directly. To give and to revoke is to write and to delete a tuple. */
export function TuplesCard({ user, about: { object, type, name } }: Props) {
  const stored = useQuery(api.authz.tuples.list, { object });
  const write = useMutation(api.authz.tuples.write);
  const given = stored?.filter(({ relation }) => givable[type].includes(relation));
  const has = (relation: string) => given?.some((tuple) => tuple.user === user && tuple.relation === relation);
  return (
    <Card title="Given" note={`On ${name} itself; what lies in a folder inherits more.`}>
      {given?.length === 0 && <Notice>Nothing yet.</Notice>}
      <Results label="Given">
        {given?.map((tuple) => (
          <Result
            key={`${tuple.relation} ${tuple.user}`}
            title={userText(tuple.user)}
            detail={relationText(tuple.relation)}
            aside={<ActionRow actions={[{ label: "Revoke", run: () => write({ deletes: [tuple] }) }]} />}
          />
        ))}
      </Results>
      <ActionRow
        actions={givable[type].map((relation) => ({
          label: `Make ${userText(user)} ${relationText(relation)}`,
          run: () => write({ writes: [{ user, relation, object }] }),
          disabled: has(relation) ?? true,
        }))}
      />
    </Card>
  );
}
