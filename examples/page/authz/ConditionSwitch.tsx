import { useMutation, useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import type { Tuple } from "../../convex/authz/tuple";
import { errorMessage } from "../shared/errorMessage";
import { Failure } from "../shared/Failure";
import { tupleText } from "./words";

/** Whether a tuple is stored; a click writes or deletes it. */
export function ConditionSwitch({ tuple }: { tuple: Tuple }) {
  const stored = useQuery(api.authz.tuples.list, { object: tuple.object });
  const write = useMutation(api.authz.tuples.write);
  const [failure, setFailure] = useState<string>();
  const isStored = stored?.some(({ user, relation }) => user === tuple.user && relation === tuple.relation) ?? false;
  const change = () => {
    setFailure(undefined);
    const written = write(isStored ? { deletes: [tuple] } : { writes: [tuple] });
    written.catch((error: unknown) => setFailure(errorMessage(error)));
  };
  return (
    <li>
      <label className="condition">
        <input
          type="checkbox"
          className="condition__switch"
          checked={isStored}
          disabled={stored === undefined}
          onChange={change}
        />
        {tupleText(tuple)}
      </label>
      {failure && <Failure message={failure} />}
    </li>
  );
}
