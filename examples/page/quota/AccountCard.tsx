import { useMutation } from "convex/react";
import { api } from "../../convex/_generated/api";
import { ActionRow } from "../shared/ActionRow";
import { Badge } from "../shared/Badge";
import { Card } from "../shared/Card";
import type { Account } from "./account";
import { LimitForm } from "./LimitForm";
import { UsageBar } from "./UsageBar";

const FEW = 5;
/** By how many units the first button passes the limit. */
const OVERAGE = 10;

/** One account: its usage and its limit, with buttons. */
export function AccountCard({ shown }: { shown: Account }) {
  const { account, name, limit, units, period, state } = shown;
  const record = useMutation(api.quota.accounts.use);
  const unlock = useMutation(api.quota.accounts.unlock);
  const use = (more: number) => ({ label: `Use ${more} units`, run: () => record({ account, units: more }) });
  return (
    <Card title={name} note={`period ${period}`} aside={<Badge {...badge(shown)} />}>
      <UsageBar units={units} limit={limit} />
      {state === "open" && (
        <ActionRow
          actions={[use(Math.max(0, limit - units) + OVERAGE), use(FEW)]}
          note={`The first goes ${OVERAGE} past the limit.`}
        />
      )}
      {state === "over" && (
        <p className="account__text" role="status">
          The query that shows this number has seen that it is past the limit, and has scheduled the lock.
        </p>
      )}
      {state === "locked" && (
        <ActionRow
          actions={[{ label: "Unlock", run: () => unlock({ account }) }]}
          note={`starts period ${period + 1}`}
        />
      )}
      <LimitForm key={limit} account={shown} />
    </Card>
  );
}

/** The account's state, and whether its units are being added up. */
function badge({ state, unitsState }: Account) {
  if (state === "over") return { state, children: "over, being locked" };
  if (state === "open" && unitsState !== "fresh") return { state: "stale", children: "open, adding up" };
  return { state, children: state };
}
