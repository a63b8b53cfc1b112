import type { ComponentType } from "react";
import { Permissions } from "./authz/Permissions";
import { Quota } from "./quota/Quota";
import { Rollups } from "./rollups/Rollups";
import { Search } from "./search/Search";
import { Tracking } from "./tracking/Tracking";

/** One example: a tab of the page, and a folder of `examples/convex`. */
export interface Example {
  /** Its name in the page's address: `#/permissions`. */
  slug: string;
  /** Its name on the tab. */
  name: string;
  title: string;
  lead: string;
  folder: string;
  /** Its main files in `examples/convex`, in the order to read them. */
  files: readonly [string, ...string[]];
  Content: ComponentType<{ deployment: string }>;
}

const rollups: Example = {
  slug: "rollups",
  name: "Rollups",
  title: "Flight delays, computed when they are read",
  lead:
    "Each card subscribes to a query that reads one stored row, computed from real US flights. Add a flight: the " +
    "query returns the old value at once and schedules the recompute, and the card turns fresh by itself. Rows that " +
    "no client reads are not recomputed.",
  folder: "rollups",
  files: [
    "rollups/viewTables.ts",
    "rollups/airportStats.ts",
    "rollups/networkStats.ts",
    "rollups/dashboard.ts",
    "rollups/flights.ts",
    "lazy.ts",
  ],
  Content: Rollups,
};

/** The example that opens if the address names none. */
export const firstExample = rollups;

/** The examples, in the order of their tabs. */
export const examples: Example[] = [
  rollups,
  {
    slug: "permissions",
    name: "Permissions",
    title: "Permission checks, stored until a permission changes",
    lead:
      "The first check follows groups and folders. Its answer is stored as a grant, which the next checks read " +
      "instead. Switch a condition off below: the answers change at once, because a grant from before a change is " +
      "never used.",
    folder: "authz",
    files: [
      "authz/viewTables.ts",
      "authz/grants.ts",
      "authz/permissions.ts",
      "authz/tuples.ts",
      "authz/check.ts",
      "lazy.ts",
    ],
    Content: Permissions,
  },
  {
    slug: "tracking",
    name: "Tracking",
    title: "Views, counted by the query that shows the document",
    lead:
      "The query that opens a document schedules the mutation that counts the view; the page has no code for it. " +
      "Open a document several times: for each reader and document, one view in 5 minutes counts.",
    folder: "tracking",
    files: ["tracking/docs.ts", "tracking/views.ts", "tracking/viewTables.ts", "tracking/docViews.ts", "lazy.ts"],
    Content: Tracking,
  },
  {
    slug: "search",
    name: "Search",
    title: "A search index of the films that were searched for",
    lead:
      "Every film is found by the beginning of its title. The search that finds it also schedules its row in the " +
      "search index, and then its director finds it too. A film that was changed is indexed again when a search " +
      "finds it.",
    folder: "search",
    files: ["search/find.ts", "search/viewTables.ts", "search/movieSearch.ts", "search/movies.ts", "lazy.ts"],
    Content: Search,
  },
  {
    slug: "quota",
    name: "Quota",
    title: "Accounts, locked by the query that sees the overage",
    lead:
      "The mutation that records usage does not check the limit. The query that shows an account does. Past the " +
      "limit, it answers at once and schedules the mutation that locks the account, which checks again first.",
    folder: "quota",
    files: ["quota/accounts.ts", "quota/viewTables.ts", "quota/accountUsage.ts", "quota/report.ts", "lazy.ts"],
    Content: Quota,
  },
];
