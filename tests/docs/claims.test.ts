import { describe, expect, test } from "vitest";
import { claimProblems, claimsOf, pathProblems } from "./claims";
import { describeProblem, type Page, readPage } from "./markdown";
import { readPages } from "./pages";

/** Pages on which each claim names its test. */
const CLAIMS = ["docs/guarantees.md", "docs/security.md"];

const pages = readPages();
const problemsOf = (page: Page) => [...claimProblems(page), ...pathProblems(page)].map(describeProblem);

test.each(pages.map((page) => [page.name, page] as const))("%s names tests and files that exist", (name, page) => {
  expect(problemsOf(page)).toEqual([]);
  if (CLAIMS.includes(name)) expect(claimsOf(page).length).toBeGreaterThan(10);
});

describe("the check of claims", () => {
  const table = (...cells: string[]) =>
    readPage(
      "a.md",
      ["| claim | tested in |", "|---|---|", ...cells.map((cell) => `| It works. | ${cell} |`)].join("\n"),
    );
  const here = "`tests/docs/claims.test.ts`";

  test("has nothing to say about what is right", () => {
    const page = table(
      `${here}, "reports what is…"; \`tests/docs\``,
      'the same, "has nothing to say about what is right"',
      "`hostileBody` in the bench; `tests/tracking`",
    );
    expect(problemsOf(page)).toEqual([]);
  });

  test.each([
    ["", "No test is named"],
    ["the same", "No test is named"],
    ["`npm test`", "No test is named"],
    ["`tests/docs/none.test.ts`", "There is no tests/docs/none.test.ts."],
    ["`tests/docs/claims.ts`", "tests/docs/claims.ts has no test."],
    [`${here}, "${["reports", "all"].join(" ")}"`, 'has no test "reports'],
  ])("reports what is wrong with %j", (cell, message) => {
    expect(problemsOf(table(cell))).toContainEqual(expect.stringMatching(/^a.md:3: /));
    expect(problemsOf(table(cell))).toContainEqual(expect.stringContaining(message));
  });

  test("reports a path that no longer exists, in a text and behind a number", () => {
    const page = readPage("a.md", "It reads 1<!-- tests/none.test.ts --> document.\n\nSee `src/none.ts`.");
    expect(problemsOf(page)).toEqual(["a.md:3: There is no src/none.ts.", "a.md:1: There is no tests/none.test.ts."]);
  });
});
