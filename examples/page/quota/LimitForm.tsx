import { useMutation } from "convex/react";
import { useState } from "react";
import { api } from "../../convex/_generated/api";
import { Form } from "../shared/Form";
import { TextField } from "../shared/TextField";
import type { Account } from "./account";

/** Changes the limit of an account. */
export function LimitForm({ account: { account, name, limit } }: { account: Account }) {
  const [typed, setTyped] = useState(String(limit));
  const setLimit = useMutation(api.quota.accounts.setLimit);
  return (
    <details className="limit">
      <summary>Change the limit</summary>
      <Form
        label={`Limit of ${name}`}
        submit="Change"
        onSubmit={() => setLimit({ account, limit: Number(typed) })}
        disabled={Number(typed) === limit}
      >
        <TextField label="Units in a period" inputMode="numeric" value={typed} onChange={setTyped} />
      </Form>
    </details>
  );
}
