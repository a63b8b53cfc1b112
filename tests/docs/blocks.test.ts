import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDocComments } from "./docComments";
import { describeProblem, type Problem } from "./markdown";
import { basePage, readPages } from "./pages";
import { Workspace } from "./workspace";

const pages = readPages();
const sources = readDocComments();
const workspace = new Workspace();
let problems: Problem[] = [];

beforeAll(async () => {
  await workspace.install();
  const base = basePage(pages);
  problems = [...workspace.addPages(pages, base), ...workspace.addExamples(sources, base)];
  problems.push(...(await workspace.compile()));
});

afterAll(() => workspace.remove());

const problemsOf = (page: string) => problems.filter((problem) => problem.page === page).map(describeProblem);

describe("code blocks", () => {
  test.each([...pages, ...sources].map(({ name }) => name))("of %s", (page) => {
    expect(problemsOf(page)).toEqual([]);
  });
});
