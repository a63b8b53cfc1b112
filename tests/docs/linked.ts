import { readFileSync } from "node:fs";
import { createMarkdownRenderer } from "vitepress";
import { slugOf } from "../../docs/.vitepress/markdown";
import { docs } from "../../docs/.vitepress/repository";

/** The links of a file, images included, and the anchors that links may lead to. */
export interface Linked {
  links: Set<string>;
  anchors: Set<string>;
}

const ATTRIBUTES = /\s(id|name|href|src)="([^"]*)"/g;

/** Reads HTML, which must have its attributes in double quotes. */
export function linkedInHtml(html: string): Linked {
  const linked: Linked = { links: new Set(), anchors: new Set() };
  for (const [tag] of html.replace(/<script[\s\S]*?<\/script>/g, "").matchAll(/<[a-z][^<>]*>/g)) {
    for (const [, attribute, value = ""] of tag.matchAll(ATTRIBUTES)) {
      const kind = attribute === "href" || attribute === "src" ? "links" : "anchors";
      linked[kind].add(value.replaceAll("&amp;", "&"));
    }
  }
  return linked;
}

const renderer = createMarkdownRenderer(docs, { anchor: { slugify: slugOf } });

/** Reads Markdown, as GitHub shows it. */
export async function linkedInMarkdown(file: string): Promise<Linked> {
  const markdown = await renderer;
  const linked: Linked = { links: new Set(), anchors: new Set() };
  for (const block of markdown.parse(readFileSync(file, "utf8").replace(/^---\n[\s\S]*?\n---\n/, ""), {})) {
    if (block.type === "heading_open") linked.anchors.add(String(block.attrGet("id")));
    for (const token of [block, ...(block.children ?? [])]) {
      const target = token.attrGet("href") ?? token.attrGet("src");
      // In VitePress, each heading links to itself.
      if (target !== null && token.attrGet("class") !== "header-anchor") linked.links.add(target);
      if (token.type.startsWith("html_")) {
        const { links, anchors } = linkedInHtml(token.content);
        for (const link of links) linked.links.add(link);
        for (const anchor of anchors) linked.anchors.add(anchor);
      }
    }
  }
  return linked;
}
