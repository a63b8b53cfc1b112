import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { pages, readFigures, withFigures } from "../../bench/documentation/pages";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Pages on which each number has a source. */
const COMPLETE = ["README.md", "docs/costs.md"];

const figures = readFigures();
const all = pages();

test.each(all)("$name shows the figures of the bench", ({ text }) => {
  expect(withFigures(text, figures)).toBe(text);
});

test.each(all)("$name names the right source for its other marked numbers", ({ text }) => {
  expect(misattributed(text)).toEqual([]);
});

test.each(COMPLETE)("%s has no number without a source", (page) => {
  expect(unmarked(all.find(({ name }) => name === page)?.text ?? "")).toEqual([]);
});

describe("how pages are checked", () => {
  const known = { overhead: { sourceWrite: 1.712 }, sizes: { "50": { lazyPaged: 1707 } } };

  test("numbers are compared to the digits shown", () => {
    const right = "It is 1.71<!-- overhead.sourceWrite -->, and 1,707<!-- sizes.50.lazyPaged --> documents.";
    expect(withFigures(right, known)).toBe(right);
    expect(withFigures("1.8<!-- overhead.sourceWrite -->", known)).toBe("1.7<!-- overhead.sourceWrite -->");
    expect(withFigures("1800<!-- sizes.50.lazyPaged -->", known)).toBe("1,707<!-- sizes.50.lazyPaged -->");
  });

  test("a name without a figure, or a table without a name, is an error", () => {
    expect(() => withFigures("1<!-- overhead.nothing -->", known)).toThrow('no figure "overhead.nothing"');
    expect(() => withFigures("1<!-- overhead -->", known)).toThrow('"overhead" is no number');
    expect(() => withFigures("<!-- table: nothing -->\n\n| 1 |\n", known)).toThrow('no table "nothing"');
  });

  test("a table is replaced as a whole", () => {
    const table = withFigures("<!-- table: monthlyDollars -->\n\n| old |\n| --- |\n\nText.\n", figures);
    expect(table).not.toContain("old");
    expect(table).toMatch(/^<!-- table: monthlyDollars -->\n\n\| {2}\| times [\s\S]+ \|\n\nText\.\n$/);
  });

  test("numbers need a source, unless they are code, versions, dates or ratios", () => {
    const fine = "Node 20.19, 22 August 2026, `at 7`, at 1:10, 5<!-- src/times.ts -->, [link](a/9.md#8)\n```\n6\n```\n";
    expect(unmarked(`1. ${fine}<!-- before\n3\n-->\n<!-- table: byRatio -->\n\n| 4 |\n`)).toEqual([]);
    expect(unmarked("It takes 3 documents, and $4.50.")).toEqual(["3", "4.50"]);
    expect(unmarked("| 4 | 5<!-- hit.effects --> |\n")).toEqual(["4"]);
  });

  test("a source has the number", () => {
    expect(misattributed("300<!-- tests/docs/figures.test.ts -->, 1.25<!-- bench/costs/figures.ts -->")).toEqual([]);
    expect(misattributed("98765<!-- src/times.ts -->, 1<!-- src/none.ts -->")).toEqual([
      "98765: src/times.ts",
      "1: src/none.ts",
    ]);
  });
});

/** Numbers whose comment names a file that does not exist or does not contain the number. */
function misattributed(text: string): string[] {
  return [...text.matchAll(/(\d[\d,]*(?:\.\d+)?)<!-- (\S+\.(?:ts|tsx|json|md)) -->/g)].flatMap(
    ([, number = "", file]) => {
      const path = `${ROOT}${file}`;
      const code = existsSync(path) ? readFileSync(path, "utf8").replace(/(?<=\d)_(?=\d)/g, "") : "";
      const plain = number.replaceAll(",", "").replace(".", "\\.");
      return new RegExp(`(?<![\\w.])${plain}(?![\\d.]*\\d)`).test(code) ? [] : [`${number}: ${file}`];
    },
  );
}

/** Numbers in the text without a source. */
function unmarked(text: string): string[] {
  const rest = text
    .replace(/^```[\s\S]*?^```/gm, "")
    .replace(/<!-- table: \w+ -->\n(?:\n?\|.*\n)*/g, "")
    .replace(/\d[\d,]*(?:\.\d+)?(?: [a-z]+)?<!-- [^>]+ -->/g, "")
    .replace(/<!--[\s\S]*?-->|`convex` \d+\.\d+|`[^`]*`|\]\([^)]*\)|https?:\S+/g, "")
    .replace(/^[\s*]*\d+\. /gm, "")
    .replace(/\b\d+:\d+\b|\b\d{1,2} [A-Z][a-z]+ \d{4}\b|\b(TypeScript|Node|React|Apache)[ -]\d+(\.\d+)*/g, "");
  return rest.match(/\d[\d,]*(?:\.\d+)?/g) ?? [];
}
