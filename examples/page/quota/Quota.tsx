import { useQuery } from "convex/react";
import { api } from "../../convex/_generated/api";
import { ActivityFeed } from "../shared/ActivityFeed";
import { Notice } from "../shared/Notice";
import { AccountCard } from "./AccountCard";
import { telling } from "./telling";
import "./quota.css";

/** Accounts with their usage. The query that shows them schedules the lock of those past their limit. */
export function Quota({ deployment }: { deployment: string }) {
  const accounts = useQuery(api.quota.accounts.list, {});
  return (
    <div className="content">
      <section aria-label="Accounts">
        {accounts?.length === 0 && <Notice>No accounts yet: create some first.</Notice>}
        <div className="accounts">
          {accounts?.map((account) => (
            <AccountCard key={account.account} shown={account} />
          ))}
        </div>
      </section>
      <ActivityFeed deployment={deployment} telling={telling} />
    </div>
  );
}
