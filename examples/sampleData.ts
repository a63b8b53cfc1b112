/** Documents and accounts for the demo, and the permissions of the example `authz`. */
import type { ConvexHttpClient } from "convex/browser";
import { api } from "./convex/_generated/api";

/** The documents of the example `tracking`, as its `docs:add` takes them. */
export const docs = [
  {
    title: "Why views are lazy",
    text: "A row that no query reads needs no recompute. A query that reads a stale row asks for one.",
  },
  {
    title: "What a query may do",
    text: "A query cannot write. It can schedule an effect: a mutation that runs soon after, and may write.",
  },
  {
    title: "Notes on counting",
    text: "Readers who add to one counter conflict with each other. Readers with a document each do not.",
  },
];

/** The accounts of the example `quota`: their limits, and what they have used so far. */
export const accounts = [
  { name: "Acme", limit: 100, used: 90 },
  { name: "Globex", limit: 250, used: 180 },
  { name: "Initech", limit: 1_000, used: 940 },
];

/** Loads documents, accounts and permissions through a deployment's public mutations. */
export async function loadInto(client: ConvexHttpClient): Promise<void> {
  const loadDocs = async () => {
    // The page lists the newest document first, so load the last one first.
    for (const doc of docs.toReversed()) await client.mutation(api.tracking.docs.add, doc);
  };
  const loadAccounts = async () => {
    for (const { name, limit, used } of accounts) {
      const account = await client.mutation(api.quota.accounts.create, { name, limit });
      await client.mutation(api.quota.accounts.use, { account, units: used });
    }
  };
  await Promise.all([loadDocs(), loadAccounts(), client.mutation(api.authz.seed.load, {})]);
}
