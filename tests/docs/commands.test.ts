import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleFunctions } from "../package/bundle";
import { consoleBlocks, consoleProblems, normalized, pattern } from "./console";
import { describeProblem, type Page, readPage } from "./markdown";
import { basePage, readPages } from "./pages";
import { commandLineProgram, commandProblems, jsonProblems } from "./shell";
import { Workspace } from "./workspace";

const pages = readPages();
const base = basePage(pages);
const program = await commandLineProgram();
const workspace = new Workspace();

beforeAll(() => workspace.install({ withCommandLine: true }));
afterAll(() => workspace.remove());

/** Faults in the commands and the JSON of a page that show without running anything. */
const problemsOf = (page: Page) =>
  [...commandProblems(page, base, program), ...jsonProblems(page)].map(describeProblem);

/** Faults in the output that a page shows. */
async function outputProblems(page: Page): Promise<string[]> {
  const newApp = await workspace.addApp(page, base);
  const problems = [];
  // One after the other, since an embedded deployment uses the variables of this process.
  for (const block of consoleBlocks(page)) problems.push(...(await consoleProblems(page, block, newApp)));
  return problems.map(describeProblem);
}

test.each(pages.map((page) => [page.name, page] as const))(
  "the commands of %s exist, and its JSON is right",
  (_, page) => {
    expect(problemsOf(page)).toEqual([]);
  },
);

test.each(pages.filter((page) => consoleBlocks(page).length > 0).map((page) => [page.name, page] as const))(
  "the command line prints what %s says",
  async (_, page) => {
    expect(await outputProblems(page)).toEqual([]);
  },
);

test("the quick start can be bundled as Convex does, and needs no other file", async () => {
  const { folder } = await (await workspace.addApp(base, base))();
  expect(readdirSync(join(folder, "convex")).sort()).toEqual([
    "_generated",
    "airportStats.ts",
    "crons.ts",
    "dashboard.ts",
    "http.ts",
    "lazy.ts",
    "schema.ts",
    "viewTables.ts",
  ]);
  const { externals, warnings } = await bundleFunctions(folder);
  expect({ externals, warnings }).toEqual({ externals: [], warnings: [] });
});

const block = (language: string, ...lines: string[]) =>
  readPage("a.md", ["```".concat(language), ...lines, "```"].join("\n"));

describe("the check of commands", () => {
  test("has nothing to say about what is right", () => {
    const page = block(
      "sh",
      "# A comment",
      'KEY="a b" npx convex-lazy-views connect --transport logTail --log-key "$KEY" && npm run bench -- --full',
      "npx convex-lazy-views why airportStats \\",
      '  \'{"airport":"SFO"}\' --follow   # and a comment',
      "npx convex run --prod lazy:inspect '{}'",
      `npx convex run dashboard:addFlight '{"origin":"SFO","destination":"LAX","delay":1}' | cat`,
      "npx convex dev --start 'npx convex-lazy-views relay'",
    );
    expect(problemsOf(page)).toEqual([]);
  });

  test.each([
    ["npx convex-lazy-views look", 'convex-lazy-views has no command "look"'],
    ["KEY=1 npx convex-lazy-views watch --twice", "has no option --twice"],
    ["npx convex-lazy-views watch --interval", "--interval takes a value"],
    ["npx convex-lazy-views watch airportStats", 'takes no argument "airportStats"'],
    ["npx convex-lazy-views connect --transport mail", "takes logStream, logTail, client, and not mail"],
    ["npm ci && npm run tests", 'package.json has no script "tests"'],
    ["npx convex run lazy:inspekt", "has no function lazy:inspekt"],
    ["npx convex run dashboard:none '{}'", "has no function dashboard:none"],
    ["npx convex run lazy:inspect {view:1}", "are no JSON: {view:1}"],
    ["npx convex dev --start 'npx convex-lazy-views rely'", 'no command "rely"'],
  ])("reports %s", (line, message) => {
    expect(problemsOf(block("sh", "npm ci", line))).toEqual([expect.stringContaining(message)]);
    expect(problemsOf(block("console", `$ ${line}`, "npm run nothing"))).toEqual([expect.stringMatching(/^a.md:2: /)]);
    expect(problemsOf(readPage("a.md", `Run this:\n\n- \`${line.replace(/^KEY=1 /, "")}\``))).toEqual([
      expect.stringMatching(/^a.md:3: /),
    ]);
  });

  test("reports invalid JSON", () => {
    expect(problemsOf(block("json", "{ a: 1 }"))).toEqual([expect.stringMatching(/^a.md:1: This is no JSON/)]);
  });
});

describe("the check of output", () => {
  test("reports output that differs from the page's", async () => {
    const page = block(
      "console",
      "$ npx convex-lazy-views --version",
      "<version>",
      "$ npx convex-lazy-views relay --url here",
      "error: …",
      "$ npx convex-lazy-views --version",
      "0.1",
    );
    expect(await outputProblems(page)).toEqual([
      expect.stringMatching(/^a.md:6: \$ npx convex-lazy-views --version prints:\n\d+\.\d+\.\d+\n$/),
    ]);
  });

  test("reports an unknown state", async () => {
    const page = readPage("a.md", "<!-- given: all is well -->\n\n```console\n$ npx convex-lazy-views --version\n```");
    expect(await outputProblems(page)).toEqual([expect.stringMatching(/^a.md:3: "given: all is well" is none of/)]);
  });

  test.each([
    ["at 12:00:01 from http://127.0.0.1:1 (local)", "at 07:31:52.123 from https://a.convex.cloud (cloud)", true],
    ["a   12 ms", "a 1,234.5 s", false],
    ["a  12 ms", "a    1,234.5 s", true],
    ["one\n…\nlast", "one\ntwo\nthree\nlast", true],
    ["one …", "one two", true],
    ["one …", "one two\nthree", false],
    ["3 documents", "4 documents", false],
    ["a.b", "axb", false],
  ])("%j fits %j: %s", (expected, printed, fits) => {
    expect(pattern(expected).test(normalized(printed))).toBe(fits);
  });
});
