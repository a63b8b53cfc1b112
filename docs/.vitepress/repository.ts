import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folders of the repository and of its docs. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
export const docs = join(root, "docs");

/** The README and the pages of docs/ that are written by hand: their paths below the root. */
export function writtenPages(): string[] {
  const inDocs = readdirSync(docs, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".md") && !/(^|\/)(node_modules|reference|\.vitepress)\//.test(path));
  return ["README.md", ...inDocs.map((path) => `docs/${path}`).sort()];
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<
  "name" | "description" | "version" | "homepage",
  string
> & { repository: { url: string }; exports: Record<string, unknown> };

export const { name, description, version } = manifest;

/** The package's export paths, such as `.` and `./react`. */
export const exportedPaths = Object.keys(manifest.exports);

/** The address of the site, with a slash at its end. */
export const homepage = manifest.homepage.replace(/\/?$/, "/");
/** The address of the repository, without a slash at its end. */
export const repository = manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");

const BRANCH = "main";

/** Where GitHub serves the files themselves, such as images. */
export const rawRepository = `${repository.replace("https://github.com/", "https://raw.githubusercontent.com/")}/${BRANCH}`;

/** The GitHub page of a file or folder, by its path below the root. */
export function repositoryUrl(path: string): string {
  const kind = statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() ? "tree" : "blob";
  return `${repository}/${kind}/${BRANCH}/${path}`.replace(/\/$/, "");
}

/** The path and anchor of an absolute link to a file of the repository; undefined for other links. */
export function pathOfUrl(url: string): { path: string; hash: string } | undefined {
  const files = [`${repository}/blob/${BRANCH}/`, `${repository}/tree/${BRANCH}/`, `${rawRepository}/`];
  const start = files.find((each) => url.startsWith(each));
  if (start === undefined) return undefined;
  const { pathname, hash } = new URL(url);
  return { path: decodeURIComponent(pathname.slice(new URL(start).pathname.length)), hash: hash.slice(1) };
}
