import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../package/pack";
import { type Page, readPage } from "./markdown";

/** The quick start, whose files every other page builds on. */
export const BASE = "docs/start.md";

/** The README, and all pages of `docs` that are written by hand. */
export function readPages(): Page[] {
  const found = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  const inDocs = found
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.md$/.test(path) && !/^(reference|\.vitepress)\/|(^|\/)node_modules\//.test(path));
  const names = ["README.md", ...inDocs.map((path) => `docs/${path}`).sort()];
  return names.map((name) => readPage(name, readFileSync(join(ROOT, name), "utf8")));
}

/** The page that others build on: the quick start, or the README when there is no such page. */
export function basePage(pages: readonly Page[]): Page {
  const page = pages.find(({ name }) => name === BASE) ?? pages.find(({ name }) => name === "README.md");
  if (page === undefined) throw new Error(`There is no ${BASE}.`);
  return page;
}
