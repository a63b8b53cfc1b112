import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/* `npm run repository -- https://github.com/<owner>/<name>` replaces the repository's address in all files. */

/** The addresses of a GitHub repository's pages, raw files and site. */
function addressesOf(repository: string): string[] {
  const [, owner, name] = /^https:\/\/github\.com\/([\w.-]+)\/([\w.-]+)$/.exec(repository) ?? [];
  if (owner === undefined || name === undefined) {
    throw new Error(`The repository is ${repository}; give an address such as https://github.com/acme/lazy-views.`);
  }
  return [
    repository,
    `https://raw.githubusercontent.com/${owner}/${name}`,
    `https://${owner.toLowerCase()}.github.io/${name}`,
  ];
}

/** Replaces the addresses of the repository that package.json names, in these files below the root. */
export function moveTo(repository: string, root: string, files: string[]): void {
  const { url } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")).repository as { url: string };
  const before = addressesOf(url.replace(/^git\+/, "").replace(/\.git$/, ""));
  const after = addressesOf(repository);
  for (const file of files) {
    const text = readFileSync(`${root}/${file}`, "utf8");
    const moved = before.reduce((found, address, i) => found.replaceAll(address, after[i] as string), text);
    writeFileSync(`${root}/${file}`, moved);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const files = execFileSync("git", ["ls-files", "*.md", "package.json"], { cwd: root, encoding: "utf8" });
  moveTo(String(process.argv[2]).replace(/(\.git|\/)$/, ""), root, files.trim().split("\n"));
}
