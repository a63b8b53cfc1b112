import { readPage } from "./markdown";

const fence = (info: string, ...lines: string[]) => ["```".concat(info), ...lines, "```"].join("\n");

const TEST_FILE = [
  'import { expect, test } from "vitest";',
  'import { airportStats } from "../convex/airportStats";',
  "",
  'test("adds up", () => {',
];

/** Pages whose blocks follow the convention. */
export const GOOD = [
  `# Fragments with hidden parts

<!-- file convex/orgReport.ts
import { viewTable } from "convex-lazy-views";
import { v } from "convex/values";

export const orgReportTable = viewTable({ key: { org: v.string() }, value: v.number() });
-->
<!-- before
import { defineView } from "convex-lazy-views";
import { orgReportTable } from "./orgReport";

export const orgReport = defineView("orgReport", {
-->

${fence("ts", "table: orgReportTable,", "compute: async () => 1,")}

<!-- after
});
-->

- In a list:

  ${fence("tsx", "export const Loading = () => <p>One moment</p>;").replaceAll("\n", "\n  ")}
`,
  `# Blocks that run

${fence(
  "ts run",
  'import { airportStats } from "./airportStats";',
  "",
  'const read = () => t.query(api.dashboard.stats, { airport: "SFO" });',
  "await views.settle(read);",
  "// → { flights: 0, meanDelay: 0 }",
  'await t.mutation(api.dashboard.addFlight, { origin: "SFO", destination: "LAX", delay: 4 });',
  'await views.peek(airportStats, { airport: "SFO" }).then(({ state }) => state); // → "stale"',
  "await views.settle(",
  "  read,",
  ");",
  "// → {",
  "//   flights: 1,",
  "//   meanDelay: 4 }",
)}

${fence("ts", "// tests/stats.test.ts", ...TEST_FILE, '  expect(airportStats.name).toBe("airportStats");', "});")}
`,
].map((text, i) => readPage(`good${i}.md`, text));

/** Pages with mistakes, each with the expected report. */
export const BAD: { text: string; problems: RegExp[] }[] = [
  {
    text: fence("ts", "export const one: number = true;"),
    problems: [/^bad0.md:2: Type 'boolean' is not assignable to type 'number'\. \(TS2322\)$/],
  },
  {
    text: `<!-- before\nconst a = {\n-->\n${fence("ts", "b: c,")}\n<!-- after\n};\n-->`,
    problems: [/^bad1.md:5: Cannot find name 'c'/],
  },
  {
    text: fence("ts", "const = 1;"),
    problems: [/^bad2.md:2: .* \(TS1134\)$/],
  },
  {
    text: fence("ts", 'import { v } from "convex/values";', "export const one = 1;"),
    problems: [/^bad3.md:2: 'v' is declared but its value is never read/],
  },
  {
    text: fence("ts", "// convex/schema.ts", "export default 1;"),
    problems: [/^bad4.md:1: convex\/airportStats.ts of .*, on which this page builds: /],
  },
  {
    text: `${fence("ts", "// convex/a.ts", "export {};")}\n\n${fence("ts", "// convex/a.ts", "export {};")}`,
    problems: [/^bad5.md:6: convex\/a.ts stands twice on this page\.$/],
  },
  { text: fence("ts", "// a.ts", "export {};"), problems: [/^bad6.md:2: Name the folder, too: \/\/ a\.ts$/] },
  { text: fence("ts", 'export const cut = "a …";'), problems: [/^bad7.md:2: Code has no "…"/] },
  { text: fence("typescript", "export {};"), problems: [/^bad8.md:1: No check knows the language "typescript"/] },
  { text: "<!-- before\nconst a = 1;\n-->\n\nText.", problems: [/^bad9.md:5: .*stands before no block/] },
  { text: "Text.\n\n<!-- after\nconst a = 1;\n-->", problems: [/^bad10.md:3: .*stands after no block/] },
  {
    text: fence("ts run", "await Promise.resolve(1);", "// → 2"),
    problems: [/^bad11.md:2: .*expected 1 to deeply equal 2/],
  },
  {
    text: fence("ts run", "", 'throw new Error("broken");'),
    problems: [/^bad12.md:3: Error: broken$/],
  },
  {
    text: fence("ts run", "const one = 1;", "// → 1", "await Promise.resolve(one);", "// → one thing"),
    problems: [/^bad13.md:3: .*does not follow a statement/, /^bad13.md:5: .*no JavaScript value: one thing$/],
  },
  {
    text: fence("ts", "// tests/stats.test.ts", ...TEST_FILE, '  expect(airportStats.name).toBe("other");', "});"),
    problems: [/^bad14.md:7: .*expected 'airportStats' to be 'other'/],
  },
  {
    text: fence("ts", "// tests/empty.test.ts", "export {};"),
    problems: [/^bad15.md:2: .*No test suite found/],
  },
];

/** The pages of `BAD`. */
export const BAD_PAGES = BAD.map(({ text }, i) => readPage(`bad${i}.md`, text));
