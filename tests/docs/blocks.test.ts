import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDocComments, readDocCommentsOf } from "./docComments";
import { BAD, BAD_PAGES, GOOD } from "./fixtures";
import { describeProblem, type Problem } from "./markdown";
import { basePage, readPages } from "./pages";
import { Workspace } from "./workspace";

const pages = readPages();
const sources = readDocComments();
const badSource = readDocCommentsOf(
  "src/react/bad.ts",
  ["/**", " * Adds.", " *", " * @example", " * ```ts", " * useQuery(api.dashboard.none, {});", " * ```", " */"].join(
    "\n",
  ),
);
const workspace = new Workspace();
let problems: Problem[] = [];

beforeAll(async () => {
  await workspace.install();
  const base = basePage(pages);
  const written = [
    ...workspace.addPages([...pages, ...GOOD, ...BAD_PAGES], base),
    ...workspace.addExamples([...sources, badSource], base),
  ];
  // The tests run first: `compile` empties files that do not parse.
  const failures = await workspace.runTests();
  problems = [...written, ...(await workspace.compile()), ...failures];
});

afterAll(() => workspace.remove());

const problemsOf = (page: string) => problems.filter((problem) => problem.page === page).map(describeProblem);

describe("code blocks", () => {
  test.each([...pages, ...sources].map(({ name }) => name))("of %s", (page) => {
    expect(problemsOf(page)).toEqual([]);
  });
});

describe("the check of code blocks", () => {
  test.each(GOOD.map(({ name }) => name))("has nothing to say about %s", (page) => {
    expect(problemsOf(page)).toEqual([]);
  });

  test.each(BAD.map((bad, i) => [`bad${i}.md`, bad] as const))(
    "reports what is wrong with %s",
    (page, { problems }) => {
      const found = problemsOf(page);
      for (const pattern of problems) expect(found).toContainEqual(expect.stringMatching(pattern));
    },
  );

  test("reports faults in an example of a doc comment", () => {
    expect(problemsOf("src/react/bad.ts")).toEqual([
      expect.stringMatching(/^src\/react\/bad.ts:6: Property 'none' does not exist .* \(TS2339\)$/),
    ]);
  });
});
