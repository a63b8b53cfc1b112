/** Documents and accounts for the demo, and the permissions of the example `authz`. */
import type { ConvexHttpClient } from "convex/browser";
import { api } from "./convex/_generated/api";

/** The documents of the example `tracking`, as its `docs:add` takes them. */
export const docs = [
  {
    title: "Why views are lazy",
    text: "A row that is not read needs no recompute. A row that is read tells us so itself.",
  },
  {
    title: "What a query may do",
    text: "It reads, and it says what it saw. A mutation that hears of it can write; the query never does.",
  },
  {
    title: "Notes on counting",
    text: "A counter in one document makes its readers wait for each other. One document each does not.",
  },
];

/** The accounts of the example `quota`: their limits, and what they have used so far. */
export const accounts = [
  { name: "Acme", limit: 100, used: 30 },
  { name: "Globex", limit: 250, used: 180 },
  { name: "Initech", limit: 1_000, used: 940 },
];

/** Loads documents, accounts and permissions through a deployment's public mutations. */
export async function loadInto(client: ConvexHttpClient): Promise<void> {
  const loadDocs = async () => {
    // The newest is listed first.
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
