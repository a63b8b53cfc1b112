import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../package/pack";
import { type Block, isCode, type Line, type Page, type Problem } from "./markdown";
import { runnable } from "./run";

/** A file for the checks. Each line knows its place in the page. */
export interface SourceFile {
  page: string;
  lines: Line[];
}

/** The files of a page's project, by their paths in it. */
export type Project = Map<string, SourceFile>;

/** The folder of a page's project: `docs/guides/testing.md` → `guides-testing`. */
export function slugOf(page: string): string {
  return page
    .replace(/^docs\//, "")
    .replace(/\.\w+$/, "")
    .replaceAll("/", "-");
}

/** The files that a page shows, hidden ones included, without its fragments. */
export function namedFiles(page: Page): { files: Project; problems: Problem[] } {
  const files: Project = new Map();
  const problems: Problem[] = [];
  const add = (path: string, lines: Line[], at: number) => {
    if (files.has(path)) problems.push({ page: page.name, at, message: `${path} stands twice on this page.` });
    files.set(path, { page: page.name, lines });
  };
  for (const { path, lines } of page.hiddenFiles) add(path, lines, lines[0]?.at ?? 1);
  for (const block of page.blocks) if (block.path !== undefined) add(block.path, joined(block), block.at);
  return { files, problems };
}

/** All files of a page's project: those of the base, its own ones, and its fragments. */
export function projectOf(page: Page, base: Project): { files: Project; problems: Problem[] } {
  const { files: named, problems } = namedFiles(page);
  const files: Project = new Map([...base, ...named]);
  for (const block of page.blocks) {
    if (block.path !== undefined || !isCode(block.language)) continue;
    if (!block.isRun) {
      files.set(`convex/line${block.at}.${block.language}`, { page: page.name, lines: joined(block) });
      continue;
    }
    const { lines, problems: wrong } = runnable(joined(block));
    problems.push(...wrong.map((problem) => ({ page: page.name, ...problem })));
    files.set(`convex/line${block.at}.test.ts`, { page: page.name, lines });
  }
  return { files, problems };
}

/** A block with the hidden code around it. */
export function joined({ before, lines, after }: Block): Line[] {
  return [...before, ...lines, ...after];
}

/** The code of a file. */
export function textOf({ lines }: SourceFile): string {
  return `${lines.map(({ text }) => text).join("\n")}\n`;
}

/** Writes a project, with the files that the Convex CLI would generate. */
export function writeProject(folder: string, files: Project): void {
  cpSync(join(ROOT, "examples/convex/_generated"), join(folder, "convex/_generated"), { recursive: true });
  for (const [path, file] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), textOf(file));
  }
  writeFileSync(join(folder, "convex/_generated/api.d.ts"), apiOf(files));
}

/** `api.d.ts`, as the Convex CLI writes it for these modules. */
function apiOf(files: Project): string {
  const modules = [...files.keys()].flatMap((path) => {
    const name = /^convex\/((?:[\w-]+\/)*[\w-]+)\.[jt]sx?$/.exec(path)?.[1];
    return name === undefined || name === "schema" || /^line\d+$/.test(name) ? [] : [name];
  });
  return [
    'import type { ApiFromModules, FilterApi, FunctionReference } from "convex/server";',
    ...modules.map((name, i) => `import type * as m${i} from "../${name}.js";`),
    `declare const fullApi: ApiFromModules<{ ${modules.map((name, i) => `"${name}": typeof m${i};`).join(" ")} }>;`,
    'export declare const api: FilterApi<typeof fullApi, FunctionReference<any, "public">>;',
    'export declare const internal: FilterApi<typeof fullApi, FunctionReference<any, "internal">>;',
    `export declare const components: { ${componentsOf(files).join(" ")} };`,
  ].join("\n");
}

/** The components that `convex.config.ts` installs, each with its type. */
function componentsOf(files: Project): string[] {
  const config =
    files
      .get("convex/convex.config.ts")
      ?.lines.map(({ text }) => text)
      .join("\n") ?? "";
  const imported = new Map(
    [...config.matchAll(/import (\w+) from "(.*)\/convex\.config(?:\.js)?"/g)].map(([, name, from]) => [name, from]),
  );
  return [...config.matchAll(/\.use\((\w+)(?:, \{ name: "(\w+)" \})?\)/g)].map(([, name = "", as = name]) => {
    const from = imported.get(name);
    return `${as}: import("${from}/_generated/component.js").ComponentApi<"${as}">;`;
  });
}
