import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, writtenPages } from "../../docs/.vitepress/repository";
import { type Page, readPage } from "./markdown";

/** The quick start, whose files every other page builds on. */
const BASE = "docs/start.md";

/** The README, and all pages of `docs` that are written by hand. */
export function readPages(): Page[] {
  return writtenPages().map((name) => readPage(name, readFileSync(join(root, name), "utf8")));
}

/** The page that others build on. */
export function basePage(pages: readonly Page[]): Page {
  const page = pages.find(({ name }) => name === BASE);
  if (page === undefined) throw new Error(`There is no ${BASE}.`);
  return page;
}
