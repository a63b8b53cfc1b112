import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DefaultTheme } from "vitepress";
import { headOf } from "./markdown";
import { docs, homepage } from "./repository";

type Item = DefaultTheme.SidebarItem;

/** A heading of the sidebar, with pages and headings below it. A page is named by its path below docs/. */
interface Section {
  text: string;
  items: readonly (string | Section)[];
}

const BEFORE_REFERENCE: readonly Section[] = [
  { text: "Start", items: ["start"] },
  {
    text: "Concepts",
    items: [
      ...inFolder("concepts", ["index", "views", "staleness", "tracking", "effects", "recompute", "lifetime"]),
      ...["glossary", "how-it-works"],
    ],
  },
  {
    text: "Guides",
    items: [
      guides("Choose", ["transports", "staleness", "first-read", "outside-values", "many-readers", "eviction"]),
      guides("Build", ["read-views", "schedule-effects", "many-documents", "views-over-views", "frameworks"]),
      guides("Adopt", [
        "existing-app",
        "lint-rule",
        "from-counters",
        "from-action-cache",
        "from-aggregate",
        "triggers",
      ]),
      guides("Run", ["testing", "new-version", "previews-and-ci", "operate"]),
    ],
  },
  { text: "Look up", items: ["troubleshooting", "costs", "guarantees", "security", "limits", "commands"] },
];
const AFTER_REFERENCE: Section = { text: "More", items: ["agents", "changelog", "versions"] };

function inFolder(folder: string, pages: readonly string[]): string[] {
  return pages.map((page) => `${folder}/${page}`);
}

function guides(text: string, pages: readonly string[]): Section {
  return { text, items: inFolder("guides", pages) };
}

function pagesOf({ items }: Section): string[] {
  return items.flatMap((item) => (typeof item === "string" ? item : pagesOf(item)));
}

/** Every page of the sidebar, without the reference. */
export const PAGES: readonly string[] = [...BEFORE_REFERENCE, AFTER_REFERENCE].flatMap(pagesOf);

function fileOf(page: string): string {
  return join(docs, `${page}.md`);
}

/** The text of a page's entry is its first heading. */
function toItem(item: string | Section): Item {
  if (typeof item !== "string") return { text: item.text, collapsed: false, items: toItems(item) };
  return { text: headOf(readFileSync(fileOf(item), "utf8")).title, link: `/${item.replace(/(^|\/)index$/, "$1")}` };
}

function toItems({ items }: Section): Item[] {
  return items.map(toItem);
}

/** The list of pages in llms.txt, in the order of the sidebar, each with the first sentence of its page. */
export function listOfPages(items: readonly Item[], depth = 2): string {
  const lines = items.map(({ text = "", link, items: below }) => {
    const title = link === undefined ? text : `[${text}](${homepage}${servedPath(link)})${summaryOf(link)}`;
    if (below === undefined) return `- ${title}\n`;
    return `\n${"#".repeat(depth)} ${text}\n\n${link === undefined ? "" : `- ${title}\n`}${listOfPages(below, depth + 1)}`;
  });
  return lines.join("");
}

/** The path of a page's Markdown, as the site serves it. */
function servedPath(link: string): string {
  return `${link.slice(1).replace(/\/$|\.md$/, "")}.md`;
}

function summaryOf(link: string): string {
  const file = link.endsWith("/") ? `${link}index` : link.replace(/\.md$/, "");
  const { summary } = headOf(readFileSync(fileOf(file), "utf8"));
  return summary && `: ${summary}`;
}

/** An entry of the first level. A section with a single page becomes a link to it. */
function toGroup(section: Section): Item {
  const items = toItems(section);
  return { text: section.text, ...(items.length === 1 ? items[0] : { items }) };
}

/** The sidebar, with the reference's entries from TypeDoc. */
export function sidebar(): Item[] {
  const file = join(docs, "reference/typedoc-sidebar.json");
  const entries: Item[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const reference: Item = { text: "Reference", link: "/reference/", collapsed: true, items: entries };
  return [...BEFORE_REFERENCE.map(toGroup), reference, toGroup(AFTER_REFERENCE)];
}
