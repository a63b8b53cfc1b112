import { equal, match } from "node:assert/strict";
import { api } from "../convex/_generated/api";
import type { DeploymentClients } from "../deploymentClients";
import type { Check } from "./check";

/** The example `rollups`, on an airport of its own. */
export async function rollups(app: DeploymentClients, check: Check, id: string): Promise<void> {
  const { http } = app;
  const { stats, network } = api.rollups.dashboard;
  const airport = `E2E ${id}`;
  const add = (delay: number) =>
    http.mutation(api.rollups.flights.add, { origin: airport, destination: airport, delay });
  const all = app.watch(network, {});
  const { flights: before } = (await all.until("the rollup of all flights", () => true)).value;

  const watch = await check(
    "a row that was never computed has its value at the first read, and becomes fresh",
    async () => {
      await add(30);
      const { value } = await http.query(stats, { airport });
      equal(value.flights, 1);
      equal(value.meanDelay, 30);
      const watch = app.watch(stats, { airport });
      await watch.until("a fresh row", ({ state }) => state === "fresh");
      return watch;
    },
  );
  await check("after a write, a subscriber gets the new value without asking again", async () => {
    await add(50);
    const seen = await watch.until("2 flights, fresh", (row) => row.state === "fresh" && row.value.flights === 2);
    equal(seen.value.meanDelay, 40);
  });
  await check("an action reads the row", async () => {
    match(await http.action(api.rollups.briefing.line, { airport }), / 2 flights, 0 % on time/);
  });
  await check("the rollup over all flights follows, through the aggregate component", async () => {
    const isNew = (flights: number) => flights >= before + 2;
    await all.until(`${before + 2} flights`, ({ state, value }) => state === "fresh" && isNew(value.flights));
  });
}
