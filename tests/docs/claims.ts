import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import MarkdownIt from "markdown-it";
import { ROOT } from "../package/pack";
import type { Page, Problem } from "./markdown";

/** The head of a column that names the tests of claims. */
const TESTED = /\btest|shown by/i;
/** Code in a text that names a file or folder of this repository. */
const PATH = /^(?:tests|src|examples|bench|fuzz|tools)\/[\w./()[\]-]+$/;

const markdown = new MarkdownIt({ html: true });

/** A row of a table whose last cell names the tests of its claim. */
interface Claim {
  at: number;
  tests: string;
}

/** The claims of a page: rows of tables whose last column names tests. */
export function claimsOf({ text }: Pick<Page, "text">): Claim[] {
  const claims: Claim[] = [];
  let head = "";
  let row: { at: number; cells: string[] } | undefined;
  let isHead = false;
  for (const { type, map, content } of markdown.parse(text, {})) {
    if (type === "thead_open") isHead = true;
    if (type === "thead_close") isHead = false;
    if (type === "tr_open") row = { at: (map?.[0] ?? 0) + 1, cells: [] };
    if (type === "inline" && row !== undefined) row.cells.push(content);
    if (type !== "tr_close" || row === undefined) continue;
    const last = row.cells.at(-1) ?? "";
    if (isHead) head = last;
    else if (TESTED.test(head)) claims.push({ at: row.at, tests: last });
    row = undefined;
  }
  return claims;
}

/**
 * The faults in the claims of a page. Each claim names a test: by its path, or by "the same" for that of the row above.
 * A quoted text behind a path is the title of a test in that file, or the title's beginning before `…`.
 */
export function claimProblems(page: Page): Problem[] {
  let above: string | undefined;
  return claimsOf(page).flatMap(({ at, tests }) => {
    const problem = (message: string): Problem => ({ page: page.name, at, message });
    const problems: Problem[] = [];
    let named: string | undefined;
    for (const [, code, same, name] of tests.matchAll(/`([^`]+)`|(the same)|"([^"]+)"/g)) {
      if (code !== undefined) {
        if (PATH.test(code) && isTest(code)) named = code;
        else if (PATH.test(code) && existsSync(join(ROOT, code))) problems.push(problem(`${code} has no test.`));
      } else if (same !== undefined) named = above;
      else if (named !== undefined && name !== undefined && !hasTest(named, name)) {
        problems.push(problem(`${named} has no test "${name}".`));
      }
    }
    if (named === undefined && problems.length === 0) problems.push(problem(`No test is named: ${tests}`));
    above = named ?? above;
    return problems;
  });
}

/** Paths of this repository that a page names, in `code` or in a comment behind a number, and that do not exist. */
export function pathProblems({ name, text, codeInText }: Page): Problem[] {
  const inComments = text
    .split("\n")
    .flatMap((line, i) =>
      [...line.matchAll(/\d<!-- ([\w./-]+\.test\.tsx?) -->/g)].map(([, path = ""]) => ({ text: path, at: i + 1 })),
    );
  return [...codeInText, ...inComments]
    .filter((code) => PATH.test(code.text) && !existsSync(join(ROOT, code.text)))
    .map((code) => ({ page: name, at: code.at, message: `There is no ${code.text}.` }));
}

function isTest(path: string): boolean {
  return testFiles(path).length > 0;
}

function hasTest(path: string, name: string): boolean {
  const [begin = ""] = name.split("…");
  return testFiles(path).some((file) => readFileSync(file, "utf8").includes(begin));
}

/** The file itself, or all test files of a folder. */
function testFiles(path: string): string[] {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  const files = statSync(full).isDirectory()
    ? readdirSync(full, { recursive: true, encoding: "utf8" }).map((file) => join(full, file))
    : [full];
  return files.filter((file) => /\.test\.tsx?$/.test(file));
}
