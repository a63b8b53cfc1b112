import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, ROOT } from "../package/pack.js";

/** Quoted messages: code in a table's first column, in a heading, or before the colon of a list item. */
const QUOTED = /^(?:\| |### |- )`([^`]+)`(?= \||$|:)/gm;
/** Shorter pieces between the `…` of a quotation prove nothing. */
const LEAST_LETTERS = 12;

test.each([
  ["docs/troubleshooting.md", 25],
  ["docs/guides/operate.md", 4],
])("each message that %s quotes is one of the library's", async (name, least) => {
  const folder = join(ROOT, "src");
  const files = (await filesBelow(folder)).filter((path) => /(?<!\.test)\.tsx?$/.test(path));
  const sources = await Promise.all(files.map(async (path) => await readFile(join(folder, path), "utf8")));
  // Joins texts that continue on the next line, and drops the values in them.
  const source = sources
    .join("\n")
    .replace(/["'`] \+\s+["'`]/g, "")
    .replace(/\$\{[^{}]*\}/g, "…")
    .replaceAll("\\`", "`");
  const page = await readFile(join(ROOT, name), "utf8");
  const pieces = [...page.matchAll(QUOTED)].flatMap(([, text = ""]) => text.split("…"));
  const long = pieces.map((piece) => piece.trim()).filter(({ length }) => length >= LEAST_LETTERS);
  expect(long.length).toBeGreaterThan(least);
  expect(long.filter((piece) => !source.includes(piece))).toEqual([]);
});
