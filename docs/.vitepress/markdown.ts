import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { MarkdownRenderer } from "vitepress";
import { docs, homepage, rawRepository, repositoryUrl, root } from "./repository";

/**
 * The id of a heading, as GitHub makes it from the heading's text, so that links to headings work on both sites.
 * VitePress numbers repeated ids as GitHub does.
 */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** Code and comments, which stay unchanged, or the target of a link, image or reference. */
const LINKS =
  /(^ *(`{3,}|~{3,})[\s\S]*?^ *\2`* *$|(`+)[^`][\s\S]*?\3|<!--[\s\S]*?-->)|(\]\(<?|^\[[^\]]+\]: +)([^\s)>]+)/gm;

/** Rewrites the targets of a text's links. */
export function mapLinks(text: string, map: (target: string) => string): string {
  return text.replace(LINKS, (all, code, _fence, _ticks, start, target) => (code ? all : start + map(target)));
}

const isRelative = (target: string): boolean => !/^([a-z][a-z+.-]*:|\/|#)/i.test(target);

/**
 * A page of docs/ for the site. Included files are inserted without their titles. Links between pages start at the
 * site's root, and links to other files of the repository lead to GitHub. The first sentence is the description.
 */
export function toSiteMarkdown(file: string, text: string, onInclude?: (file: string) => void): string {
  const own = mapLinks(text, (target) => siteLink(dirname(file), target));
  const body = own.replace(/<!--\s*@include:\s*(\S+)\s*-->/g, (_, path: string) => {
    const included = join(dirname(file), path);
    onInclude?.(included);
    const content = readFileSync(included, "utf8").replace(/^# .*\n+/, "");
    return mapLinks(content, (target) => siteLink(dirname(included), target));
  });
  const isMade = file.startsWith(join(docs, "reference"));
  const head = [`description: ${JSON.stringify(headOf(text).summary)}`, ...(isMade ? ["editLink: false"] : [])];
  return body.startsWith("---\n")
    ? body.replace("---\n", `---\n${head.join("\n")}\n`)
    : `---\n${head.join("\n")}\n---\n\n${body}`;
}

function siteLink(folder: string, target: string): string {
  if (target.startsWith(homepage)) return `/${target.slice(homepage.length)}`;
  if (!isRelative(target)) return target;
  const [, path = "", hash = ""] = /^([^#]*)(#.*)?$/.exec(target) ?? [];
  const file = join(folder, decodeURI(path));
  const inDocs = relative(docs, file);
  return inDocs.startsWith("..") ? repositoryUrl(relative(root, file)) + hash : `/${inDocs}${hash}`;
}

/** Makes the sources of images relative again, as Vite requires. */
export function relativeImages(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push("relative-images", ({ tokens, env }) => {
    for (const image of tokens.flatMap(({ children }) => children ?? []).filter(({ type }) => type === "image")) {
      const source = image.attrGet("src") ?? "";
      if (source.startsWith("/")) image.attrSet("src", relative(dirname(env.path), join(docs, source)));
    }
  });
}

/** The Markdown that the site serves beside each page: with absolute links, and with `[!WARNING]` unescaped. */
export function toServedMarkdown(text: string): string {
  return mapLinks(text.replaceAll("> \\[!", "> [!"), (target) => {
    if (!target.startsWith("/")) return target;
    if (/\.(svg|png)$/.test(target)) return `${rawRepository}/docs${target}`;
    return homepage + target.slice(1).replace(/(.)\/(index\.md)?(?=$|#)/, "$1.md");
  });
}

/** A page's title (its first heading) and the first sentence below it, both as plain text. */
export function headOf(text: string): { title: string; summary: string } {
  const prose = text.replace(/^---\n[\s\S]*?\n---\n|<!--[\s\S]*?-->|^(`{3,})[\s\S]*?^\1$/gm, "");
  const [, title = "", rest = ""] = /^# +(.+)\n([\s\S]*)/m.exec(prose) ?? [];
  const paragraph = rest.split(/\n{2,}/).find((each) => /^[\p{L}`*[]/u.test(each.trim())) ?? "";
  return { title: plain(title), summary: plain(paragraph).replace(/([.!?]) [\s\S]*/, "$1") };
}

function plain(markdown: string): string {
  return markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\*+|`|\\(?=[<>_*`[\]|])/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
