import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { docs, homepage, pathOfUrl, root, writtenPages } from "../../docs/.vitepress/repository";
import { PAGES } from "../../docs/.vitepress/sidebar";
import { filesBelow } from "../package/pack";
import { runNode, succeeded } from "../package/run";
import { type Linked, linkedInHtml, linkedInMarkdown } from "./linked";

/** The folder of the built site. */
let site: string;

beforeAll(async () => {
  site = mkdtempSync(join(tmpdir(), "docs-site-"));
  succeeded(await runNode(["--import", "tsx", "docs/site.ts", "build", site], { cwd: root }));
});

afterAll(() => rmSync(site, { recursive: true, force: true }));

async function filesWith(ending: string, folder: string): Promise<string[]> {
  return (await filesBelow(folder)).filter((path) => path.endsWith(ending)).map((path) => join(folder, path));
}

/** The repository's Markdown files. */
const MARKDOWN = [
  ...["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...writtenPages()].map((file) => join(root, file)),
  ...(await filesWith(".md", join(root, "examples"))),
];

const known = new Map<string, Promise<Linked>>();

function read(file: string): Promise<Linked> {
  let linked = known.get(file);
  if (linked === undefined) {
    linked = file.endsWith(".html")
      ? Promise.resolve(linkedInHtml(readFileSync(file, "utf8")))
      : linkedInMarkdown(file);
    known.set(file, linked);
  }
  return linked;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

async function hasAnchor(file: string, hash: string): Promise<boolean> {
  const anchor = decodeURIComponent(hash.replace(/^#/, ""));
  return anchor === "" || !/\.(html|md)$/.test(file) || (await read(file)).anchors.has(anchor);
}

/** The fault of a link to a file or folder of the repository; undefined when it is right. */
async function problemInRepository(path: string, hash: string): Promise<string | undefined> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return "no such file";
  return (await hasAnchor(path, hash)) ? undefined : "no such heading";
}

/** The fault of a link to the site. */
async function problemOnSite({ pathname, hash }: URL): Promise<string | undefined> {
  const path = decodeURIComponent(pathname.slice(new URL(homepage).pathname.length));
  const names = path === "" || path.endsWith("/") ? [`${path}index.html`] : [path, `${path}.html`];
  const file = names.map((name) => join(site, name)).find(isFile);
  if (file === undefined) return "no such page";
  return (await hasAnchor(file, hash)) ? undefined : "no such heading";
}

/** The fault of an absolute link to the site or the repository. Other links are not checked. */
async function problemOf(url: URL): Promise<string | undefined> {
  if (url.href.startsWith(homepage)) return await problemOnSite(url);
  const named = pathOfUrl(url.href);
  return named && (await problemInRepository(join(root, named.path), named.hash));
}

/** The wrong links of files, each with its fault. */
async function problemsIn(
  files: readonly string[],
  problemOfLink: (file: string, link: string) => Promise<string | undefined>,
): Promise<string[]> {
  const problems: string[] = [];
  for (const file of files) {
    for (const link of (await read(file)).links) {
      const problem = await problemOfLink(file, link);
      if (problem !== undefined)
        problems.push(`${relative(file.startsWith(site) ? site : root, file)}: ${link}: ${problem}`);
    }
  }
  return problems;
}

test("every link, image and anchor of the site leads somewhere", async () => {
  const problems = await problemsIn(await filesWith(".html", site), (file, link) => {
    const page = relative(site, file).replace(/(index)?\.html$/, "");
    return problemOf(new URL(link, new URL(page, homepage)));
  });
  expect(problems).toEqual([]);
});

test("the site has the Markdown of each page, with links that lead somewhere, and a list of all", async () => {
  const pages = (await filesWith(".html", site)).filter((file) => !file.endsWith("404.html"));
  const served = pages.map((file) => file.replace(/(?<=.)(\/index)?\.html$/, ".md"));
  const markdown = served.map((file) => (file === `${site}.md` ? join(site, "index.md") : file));
  expect(markdown.filter((file) => !isFile(file))).toEqual([]);
  const problems = await problemsIn([...markdown, join(site, "llms.txt")], async (_, link) =>
    URL.canParse(link) ? await problemOf(new URL(link)) : link.startsWith("#") ? undefined : "not absolute",
  );
  expect(problems).toEqual([]);
  const { links } = await read(join(site, "llms.txt"));
  const paths = markdown.map((file) => relative(site, file)).filter((path) => path !== "index.md");
  expect(paths.filter((path) => !links.has(homepage + path))).toEqual([]);
});

test("every link of the repository's Markdown leads somewhere, as GitHub shows it", async () => {
  const problems = await problemsIn(MARKDOWN, async (file, link) => {
    if (URL.canParse(link)) return await problemOf(new URL(link));
    const [path = "", hash = ""] = link.split("#");
    return await problemInRepository(path === "" ? file : join(dirname(file), decodeURI(path)), hash);
  });
  expect(problems).toEqual([]);
});

test("the README has absolute links only, since npm shows it without the repository", async () => {
  const { links } = await read(join(root, "README.md"));
  expect([...links].filter((link) => !URL.canParse(link))).toEqual([]);
});

test("every page of docs/ is in the sidebar", () => {
  const pages = MARKDOWN.filter((file) => file.startsWith(docs)).map((file) => relative(docs, file));
  expect(pages.filter((page) => page !== "index.md" && !PAGES.includes(page.replace(/\.md$/, "")))).toEqual([]);
});
