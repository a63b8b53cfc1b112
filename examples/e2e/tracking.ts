import { deepEqual, match } from "node:assert/strict";
import { api } from "../convex/_generated/api";
import type { DeploymentClients } from "../deploymentClients";
import type { Check } from "./check";

/** The example `tracking`, on a document of its own. */
export async function tracking(app: DeploymentClients, check: Check, id: string): Promise<void> {
  const { http } = app;
  const { add, open, stats, lastViewed } = api.tracking.docs;
  const [ada, grace, alan] = [`ada ${id}`, `grace ${id}`, `alan ${id}`];
  const text = { title: `Plan ${id}`, text: "First, …" };
  const doc = await http.mutation(add, text);
  const watch = app.watch(stats, { doc });
  const counted = (views: number) =>
    watch.until(`${views} views`, ({ state, value }) => state === "fresh" && value.views === views);

  await check("a query that opens a document has it counted", async () => {
    deepEqual(await http.query(open, { user: ada, doc }), text);
    await counted(1);
  });
  await check("opened twice more inside the window, it counts once", async () => {
    for (let i = 0; i < 2; i++) await http.query(open, { user: ada, doc });
    // Grace's view arrives after Ada's two, so a count of 2 shows that those were dropped.
    await http.query(open, { user: grace, doc });
    await counted(2);
    const viewed = await http.query(lastViewed, { user: ada });
    deepEqual(
      viewed.map(({ views }) => views),
      [1],
    );
  });
  await check("an export through an action counts", async () => {
    match((await http.action(api.tracking.exports.markdown, { user: alan, doc })) ?? "", /^# Plan/);
    await counted(3);
  });
}
