import { equal, rejects } from "node:assert/strict";
import { api } from "../convex/_generated/api";
import type { DeploymentClients } from "../deploymentClients";
import type { Check } from "./check";

/** The example `quota`, on an account of its own. */
export async function quota(app: DeploymentClients, check: Check, id: string): Promise<void> {
  const { http } = app;
  const { create, use, usage, unlock } = api.quota.accounts;
  const account = await http.mutation(create, { name: `E2E ${id}`, limit: 100 });
  const watch = app.watch(usage, { account });

  await check("usage inside the limit leaves an account open", async () => {
    await http.mutation(use, { account, units: 60 });
    const { state } = await watch.until("60 units", ({ units }) => units === 60);
    equal(state, "open");
  });
  await check("the query that sees the overage has the account locked", async () => {
    await http.mutation(use, { account, units: 41 });
    const { units } = await watch.until("the lock", ({ state }) => state === "locked");
    equal(units, 101);
    await rejects(http.mutation(use, { account, units: 1 }), /is locked/);
  });
  await check("an unlocked account stays open in its next period", async () => {
    await http.mutation(unlock, { account });
    await http.mutation(use, { account, units: 10 });
    const { state } = await watch.until("10 units", ({ units, period }) => period === 2 && units === 10);
    equal(state, "open");
  });
}
