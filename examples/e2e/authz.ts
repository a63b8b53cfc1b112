import { equal, ok, rejects } from "node:assert/strict";
import { api } from "../convex/_generated/api";
import type { DeploymentClients } from "../deploymentClients";
import type { Check } from "./check";

/** The example `authz`, on a document and a group of its own. */
export async function authz(app: DeploymentClients, check: Check, id: string): Promise<void> {
  const { http } = app;
  const { write } = api.authz.tuples;
  const [user, group, doc] = [`user:${id}`, `group:${id}`, `doc:${id}`];
  const question = { user, relation: "can_read", object: doc };
  const grant = { user: `${group}#member`, relation: "viewer", object: doc };
  const ask = () => http.query(api.authz.permissions.check, question);

  await check("a member of a group that may view a document may read it", async () => {
    await http.mutation(write, { writes: [{ user, relation: "member", object: group }, grant] });
    equal((await ask()).allowed, true);
  });
  const watch = app.watch(api.authz.permissions.check, question);
  await check("a warm check reads at most 3 documents", async () => {
    const seen = await watch.until("a fresh grant", ({ allowed, state }) => allowed && state === "fresh");
    ok(seen.documentsRead <= 3, `it read ${seen.documentsRead}`);
  });
  await check("a revoked grant is never served, not even once", async () => {
    await http.mutation(write, { deletes: [grant] });
    equal((await ask()).allowed, false);
    await watch.until("the refusal", ({ allowed }) => !allowed);
    await rejects(http.action(api.authz.downloads.link, { user, doc }), "the action still gives a link");
  });
  await check("what was given again is allowed again", async () => {
    await http.mutation(write, { writes: [grant] });
    equal((await ask()).allowed, true);
    await watch.until("a fresh grant", ({ allowed, state }) => allowed && state === "fresh");
  });
}
