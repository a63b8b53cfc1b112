import { useMutation } from "convex/react";
import { api } from "../../convex/_generated/api";
import { ActionRow } from "../shared/ActionRow";
import { Badge } from "../shared/Badge";
import { Card } from "../shared/Card";
import type { Account } from "./account";
import { LimitForm } from "./LimitForm";
import { UsageBar } from "./UsageBar";

const A_FEW = 10;
const MANY = 60;

const labels: Record<Account["state"], string> = {
  open: "open",
  over: "over · being locked",
  locked: "locked",
};

/** One account: what it has used of its limit, and what can be done about it. */
export function AccountCard({ shown }: { shown: Account }) {
  const { account, name, limit, units, period, state } = shown;
  const record = useMutation(api.quota.accounts.use);
  const unlock = useMutation(api.quota.accounts.unlock);
  const recording = (more: number) => ({
    label: `Use ${more} units`,
    run: () => record({ account, units: more }),
  });
  return (
    <Card title={name} note={`period ${period}`} aside={<Badge state={state}>{labels[state]}</Badge>}>
      <UsageBar units={units} limit={limit} />
      {state === "locked" ? (
        <ActionRow actions={[{ label: "Unlock", run: () => unlock({ account }) }]} note="begins the next period" />
      ) : (
        <ActionRow actions={[recording(A_FEW), recording(MANY)]} />
      )}
      <LimitForm key={limit} account={shown} />
    </Card>
  );
}
