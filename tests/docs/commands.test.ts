import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { consoleBlocks, consoleProblems } from "./console";
import { describeProblem } from "./markdown";
import { basePage, readPages } from "./pages";
import { commandLineProgram, commandProblems, jsonProblems } from "./shell";
import { Workspace } from "./workspace";

const pages = readPages();
const base = basePage(pages);
const program = await commandLineProgram();
const workspace = new Workspace();

beforeAll(() => workspace.install({ withCommandLine: true }));
afterAll(() => workspace.remove());

test.each(pages.map((page) => [page.name, page] as const))("commands and JSON of %s exist", (_, page) => {
  const problems = [...commandProblems(page, base, program), ...jsonProblems(page)];
  expect(problems.map(describeProblem)).toEqual([]);
});

describe("the command line prints what blocks say", () => {
  test.each(pages.filter((page) => consoleBlocks(page).length > 0).map((page) => [page.name, page] as const))(
    "of %s",
    async (_, page) => {
      const newApp = await workspace.addApp(page, base);
      const problems = [];
      // One after the other: a deployment's variables are those of this process.
      for (const block of consoleBlocks(page)) problems.push(...(await consoleProblems(page, block, newApp)));
      expect(problems.map(describeProblem)).toEqual([]);
    },
  );
});
