import type { ComponentType } from "react";
import { Permissions } from "./authz/Permissions";
import { Quota } from "./quota/Quota";
import { Rollups } from "./rollups/Rollups";
import { Search } from "./search/Search";
import { Tracking } from "./tracking/Tracking";

/** One example: a tab of the page, and a folder of `examples/convex`. */
export interface Example {
  /** Its place in the page's address: `#/permissions`. */
  slug: string;
  /** Its name on the tab. */
  name: string;
  title: string;
  lead: string;
  folder: string;
  /** Its files of `examples/convex` that matter most, the first one to read first. */
  files: readonly [string, ...string[]];
  Content: ComponentType<{ deployment: string }>;
}

const rollups: Example = {
  slug: "rollups",
  name: "Rollups",
  title: "Flight delays, computed when they are read",
  lead:
    "Each card subscribes to a query that reads one row of a materialized view over real US flights; when the " +
    "row is stale, the query serves the old value at once and raises an effect that has it recomputed. Rows " +
    "that are not read cost nothing.",
  folder: "rollups",
  files: [
    "rollups/airportStats.ts",
    "rollups/networkStats.ts",
    "rollups/dashboard.ts",
    "rollups/flights.ts",
    "lazy.ts",
  ],
  Content: Rollups,
};

/** The example that is open when the address names none. */
export const firstExample = rollups;

/** The examples, in the order of their tabs. */
export const examples: Example[] = [
  rollups,
  {
    slug: "permissions",
    name: "Permissions",
    title: "Permissions, remembered until they change",
    lead:
      "The first check walks the graph of relations and the next ones read one stored grant, which is never " +
      "served again once anything it depends on has changed.",
    folder: "authz",
    files: ["authz/grants.ts", "authz/permissions.ts", "authz/tuples.ts", "authz/check.ts", "lazy.ts"],
    Content: Permissions,
  },
  {
    slug: "tracking",
    name: "Tracking",
    title: "Who has read what, noted by the query that showed it",
    lead:
      "The query that opens a document raises the mutation that notes the view: once for each person, document " +
      "and window, also when Convex answers it from its cache.",
    folder: "tracking",
    files: ["tracking/docs.ts", "tracking/views.ts", "tracking/docViews.ts", "lazy.ts"],
    Content: Tracking,
  },
  {
    slug: "search",
    name: "Search",
    title: "A search that indexes what people look for",
    lead:
      "A film gets its search row when it is first looked for, and a changed film is indexed again when it is " +
      "found the next time.",
    folder: "search",
    files: ["search/find.ts", "search/movieSearch.ts", "search/movies.ts", "lazy.ts"],
    Content: Search,
  },
  {
    slug: "quota",
    name: "Quota",
    title: "A read that notices the overage",
    lead:
      "The query that shows the usage sees that it is over the limit, answers at once, and schedules the " +
      "mutation that locks the account, which looks again before it acts.",
    folder: "quota",
    files: ["quota/accounts.ts", "quota/accountUsage.ts", "quota/report.ts", "lazy.ts"],
    Content: Quota,
  },
];
