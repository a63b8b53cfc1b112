import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, writtenPages } from "../../docs/.vitepress/repository";
import { numberOf, type Tree } from "./figures";
import { formatted, tableLines } from "./tables";

const FIGURES = join(root, "bench/figures.json");

/** A number before the name of its figure, as in `1.71<!-- overhead.sourceWrite -->`. Names of files do not match. */
const MARKED = /(\d[\d,]*(?:\.\d+)?)<!-- ((?!\S+\.(?:ts|json|md) |convex limits )[a-z]\w*[\w.: ,]*?) -->/gi;
/** A table below the comment that names it, as in `<!-- table: byRatio -->`. */
const TABLE = /(<!-- table: (\w+) -->\n)(?:\n?\|.*\n)*/g;

export const readFigures = (): Tree => JSON.parse(readFileSync(FIGURES, "utf8")) as Tree;

/** The pages that may show figures. */
export function pages(): { name: string; text: string }[] {
  return writtenPages().map((name) => ({ name, text: readFileSync(join(root, name), "utf8") }));
}

/**
 * Puts the figures into a page's numbers and tables. A number keeps its count of decimals.
 *
 * @throws Error when it names a figure or a table that does not exist.
 */
export function withFigures(text: string, figures: Tree): string {
  return text
    .replace(MARKED, (_, number: string, name: string) => {
      const digits = number.split(".")[1]?.length ?? 0;
      return `${formatted(numberOf(figures, name), digits)}<!-- ${name} -->`;
    })
    .replace(TABLE, (_, comment: string, name: string) => `${comment}\n${tableLines(name, figures).join("\n")}\n`);
}

/** Writes the figures, and the pages that show them. */
export function writeDocumentation(figures: Tree): void {
  writeFileSync(FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
  for (const { name, text } of pages()) {
    const current = withFigures(text, figures);
    if (current !== text) writeFileSync(join(root, name), current);
  }
}
