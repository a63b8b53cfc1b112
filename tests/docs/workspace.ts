import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { TEST_LIMIT_MS } from "../limits";
import { bundleApp } from "../package/deployment";
import { ROOT } from "../package/pack";
import { runNode, succeeded } from "../package/run";
import { exampleFiles } from "./docComments";
import type { Page, Problem } from "./markdown";
import { PRELUDES } from "./preludes";
import { namedFiles, type Project, projectOf, type SourceFile, slugOf, textOf, writeProject } from "./projects";
import type { App } from "./states";

const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** The compiler's errors about unused names. */
const UNUSED = [6133, 6192, 6196];

/** Errors with smaller numbers are about syntax. */
const FIRST_OF_TYPES = 2000;

/** An error of the compiler. */
interface Report {
  path: string;
  line: number;
  code: number;
  text: string;
}

const PRELUDES_FILE = "tests/docs/preludes.ts";

const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

const VITEST_CONFIG = {
  test: {
    include: ["pages/**/*.test.{ts,tsx}"],
    server: { deps: { inline: ["convex-test"] } },
    setupFiles: ["./setup.mjs"],
    isolate: false,
    testTimeout: TEST_LIMIT_MS,
    hookTimeout: TEST_LIMIT_MS,
  },
};

/** Runs before each test file, since they share their modules. */
const SETUP = `
import { vi } from "vitest";
vi.useRealTimers();
vi.unstubAllEnvs();
vi.unstubAllGlobals();
vi.restoreAllMocks();
`;

/** The fields of vitest's report that are used here. */
interface TestResults {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { failureMessages: string[] }[];
  }[];
}

const COMPILER_OPTIONS = {
  target: "ESNext",
  module: "ESNext",
  moduleResolution: "Bundler",
  moduleDetection: "force",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  types: ["node", "vite/client"],
  jsx: "react-jsx",
  allowJs: true,
  checkJs: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
};

/** The `package.json` of an app that runs. */
const APP_PACKAGE = {
  name: "app",
  private: true,
  type: "module",
  dependencies: { convex: "*", "convex-lazy-views": "*" },
};

/** Declarations of packages that pages import and that are not installed here. */
const FOREIGN_PACKAGES = `
declare module "next/server" {
  export function after(task: Promise<unknown> | (() => unknown)): void;
}
`;

/** A folder with the package installed as in an app, and with the projects of pages. */
export class Workspace {
  readonly folder = mkdtempSync(join(realpathSync(tmpdir()), "convex-lazy-views-docs-"));
  /** The written files by their paths in the folder, each with the page that owns the project. */
  private readonly files = new Map<string, { owner: string; file: SourceFile }>();

  private copies = 0;

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Builds the package, and links the other packages that this repository has installed. */
  async install({ withCommandLine = false } = {}): Promise<void> {
    const modules = join(this.folder, "node_modules");
    mkdirSync(modules);
    for (const name of readdirSync(join(ROOT, "node_modules"))) {
      if (name === "convex-lazy-views" || name.startsWith(".")) continue;
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
    const installed = join(modules, "convex-lazy-views");
    mkdirSync(installed);
    cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
    const flags = ["--outDir", join(installed, "dist"), "--sourceMap", "false", "--declarationMap", "false"];
    const configs = ["tsconfig.build.json", ...(withCommandLine ? ["tsconfig.cli.json"] : [])];
    await Promise.all(
      configs.map(async (config) => succeeded(await runNode([TSC, "-p", join(ROOT, config), ...flags], { cwd: ROOT }))),
    );
    writeFileSync(join(this.folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    writeFileSync(join(this.folder, "foreign.d.ts"), FOREIGN_PACKAGES);
  }

  /**
   * Writes the project of each page, on top of the files of the page `base`.
   *
   * @returns Blocks that break the convention.
   */
  addPages(pages: readonly Page[], base: Page): Problem[] {
    return pages.flatMap((page) => {
      const { files, problems } = projectOf(page, namedFiles(base).files);
      this.write(`pages/${slugOf(page.name)}`, page.name, files);
      return [...page.problems, ...problems];
    });
  }

  /** Writes the examples of doc comments, as modules of one project. @returns As `addPages`. */
  addExamples(sources: readonly Page[], base: Page): Problem[] {
    const preludes = Object.entries(PRELUDES).map(([name, text]): [string, SourceFile] => [
      `prelude-${name}.ts`,
      { page: PRELUDES_FILE, lines: text.split("\n").map((line) => ({ text: line, at: 1 })) },
    ]);
    const files = new Map([...namedFiles(base).files, ...preludes]);
    const all = new Map([...files, ...sources.flatMap((source) => [...exampleFiles(source)])]);
    writeProject(join(this.folder, "doc"), all);
    for (const [path, file] of all) this.files.set(`doc/${path}`, { owner: file.page, file });
    return sources.flatMap(({ problems }) => problems);
  }

  /**
   * Writes and bundles the app of a page: the files that the page shows, without fragments.
   *
   * @returns A function that copies the app into a new folder.
   */
  async addApp(page: Page, base: Page): Promise<() => Promise<App>> {
    const folder = join(this.folder, "apps", slugOf(page.name));
    const files = new Map([...namedFiles(base).files, ...namedFiles(page).files]);
    writeProject(folder, files);
    const options = await bundleApp(folder);
    const code = [...files].flatMap(([path, file]) => [path, textOf(file)]).join("\n");
    return async () => {
      const copy = `${folder}-${++this.copies}`;
      cpSync(join(folder, "convex"), join(copy, "convex"), { recursive: true });
      symlinkSync(join(this.folder, "node_modules"), join(copy, "node_modules"));
      writeFileSync(join(copy, "package.json"), JSON.stringify(APP_PACKAGE));
      return { folder: copy, code, options };
    };
  }

  private write(folder: string, owner: string, files: Project): void {
    writeProject(join(this.folder, folder), files);
    for (const [path, file] of files) this.files.set(`${folder}/${path}`, { owner, file });
  }

  /** Type-checks everything that was added. */
  async compile(): Promise<Problem[]> {
    const found = await Promise.all(["pages", "doc"].map((folder) => this.compileFolder(folder)));
    return found.flat();
  }

  private async compileFolder(folder: string): Promise<Problem[]> {
    if (!existsSync(join(this.folder, folder))) return [];
    // Examples of doc comments import types and values on one line, and more than they use.
    const is = folder === "pages";
    const flags = { verbatimModuleSyntax: is, isolatedModules: is, noUnusedLocals: is };
    const compilerOptions = { ...COMPILER_OPTIONS, ...flags };
    const config = { compilerOptions, include: [folder, "foreign.d.ts"] };
    const name = `tsconfig.${folder}.json`;
    writeFileSync(join(this.folder, name), JSON.stringify(config));
    const compile = async () => {
      const compiled = await runNode([TSC, "-p", name, "--pretty", "false"], { cwd: this.folder });
      if (compiled.stdout === "") succeeded(compiled);
      return compiled.stdout
        .split(/^(?=\S)/m)
        .filter((report) => report !== "")
        .map(readReport);
    };
    const reports = await compile();
    const broken = new Set(reports.filter(({ code }) => code < FIRST_OF_TYPES).map(({ path }) => path));
    // A syntax error in one file keeps the compiler from checking the types of all files.
    for (const path of broken) writeFileSync(join(this.folder, path), "export {};\n");
    if (broken.size > 0) reports.push(...(await compile()));
    return reports.flatMap((report) => this.problemsOf(report));
  }

  /** Runs the tests among the files: `ts run` blocks, and test files that a page shows. */
  async runTests(): Promise<Problem[]> {
    const tests = [...this.files.keys()].filter((path) => /^pages\/.*\.test\.tsx?$/.test(path));
    if (tests.length === 0) return [];
    writeFileSync(join(this.folder, "vitest.config.mjs"), `export default ${JSON.stringify(VITEST_CONFIG)};`);
    writeFileSync(join(this.folder, "setup.mjs"), SETUP);
    const reporting = ["--reporter=json", "--outputFile=results.json"];
    const ran = await runNode([VITEST, "run", ...reporting], { cwd: this.folder });
    const file = join(this.folder, "results.json");
    if (!existsSync(file)) throw new Error(`The tests of the pages did not run: ${ran.stdout}\n${ran.stderr}`);
    const { testResults } = JSON.parse(readFileSync(file, "utf8")) as TestResults;
    const results = new Map(testResults.map((result) => [relative(this.folder, result.name), result]));
    return tests.flatMap((path) => {
      const result = results.get(path);
      if (result === undefined) return [this.failureOf(path, "It was not run.")];
      const failures = result.assertionResults.flatMap(({ failureMessages }) => failureMessages);
      if (failures.length === 0 && result.status !== "passed") failures.push(result.message);
      return failures.map((failure) => this.failureOf(path, failure));
    });
  }

  /** The failure of a test, at the first place in its own file that the stack names. */
  private failureOf(path: string, failure: string): Problem {
    const line = failure.split(`${path}:`)[1]?.match(/^\d+/)?.[0] ?? 1;
    const place = this.placeOf(path, Number(line));
    if (place === undefined) throw new Error(`A test fails that belongs to no page: ${path}: ${failure}`);
    const [message = ""] = failure.split(/\n {4}at /);
    return { page: place.page, at: place.at, message: message.trim() };
  }

  /** The problem that the compiler reports of a page, or none for an unused local. */
  private problemsOf({ path, line, code, text }: Report): Problem[] {
    const place = this.placeOf(path, line);
    if (place === undefined)
      throw new Error(`The compiler reports an error outside all pages: ${path}(${line}): ${text}`);
    // Fragments may declare names that they do not use. Unused imports are faults.
    if (UNUSED.includes(code) && !place.text.startsWith("import ")) return [];
    return [{ page: place.page, at: place.at, message: `${place.prefix}${text} (TS${code})` }];
  }

  /** The place in a page from which a line of a written file comes. */
  private placeOf(
    path: string,
    line: number,
  ): (Omit<Problem, "message"> & { text: string; prefix: string }) | undefined {
    const written = this.files.get(path);
    const found = written?.file.lines[line - 1] ?? written?.file.lines.at(-1);
    if (written === undefined || found === undefined) return undefined;
    const { owner, file } = written;
    if (file.page === owner) return { page: owner, at: found.at, text: found.text, prefix: "" };
    const prefix = `${path.replace(/^pages\/[^/]+\//, "")} of ${file.page}:${found.at}, on which this page builds: `;
    return { page: owner, at: 1, text: found.text, prefix };
  }
}

function readReport(report: string): Report {
  const [, path = "", line, code, text] = /^(.+?)\((\d+),\d+\): error TS(\d+): (.*)$/s.exec(report) ?? [];
  if (text === undefined) throw new Error(`The compiler reports: ${report}`);
  return { path, line: Number(line), code: Number(code), text: text.trim() };
}
