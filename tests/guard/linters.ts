import { join, relative, sep } from "node:path";
import { ESLint } from "eslint";
import { ROOT } from "../package/pack.js";
import { runNode } from "../package/run.js";
import { typescriptParser } from "./typescriptParser.js";

/** The restricted imports that a linter reports in a project's folder `convex`: files, with `/`, and messages. */
type Lint = (project: string) => Promise<{ file: string; message: string }[]>;

/** Each linter, under the name of the file that configures it. */
export const LINTERS: Record<string, Lint> = {
  "eslint.config.js": async (project) => {
    const eslint = new ESLint({ cwd: project, overrideConfig: { languageOptions: { parser: typescriptParser } } });
    const results = await eslint.lintFiles(["convex"]);
    return results.flatMap(({ filePath, messages }) => {
      const file = relative(project, filePath).replaceAll(sep, "/");
      return messages.map(({ message }) => ({ file, message }));
    });
  },

  "biome.json": async (project) => {
    const args = ["lint", "--reporter=rdjson", "--max-diagnostics=none", "convex"];
    const { diagnostics } = (await runLinter("@biomejs/biome/bin/biome", args, project)) as {
      diagnostics: { code: { value: string }; location: { path: string }; message: string }[];
    };
    return diagnostics
      .filter(({ code }) => code.value === "lint/style/noRestrictedImports")
      .map(({ location, message }) => ({ file: location.path.replaceAll("\\", "/"), message }));
  },

  ".oxlintrc.json": async (project) => {
    const { diagnostics } = (await runLinter("oxlint/bin/oxlint", ["--format=json", "convex"], project)) as {
      diagnostics: { code: string; filename: string; help: string }[];
    };
    return diagnostics
      .filter(({ code }) => code === "eslint(no-restricted-imports)")
      .map(({ filename, help }) => ({ file: filename.replaceAll("\\", "/"), message: help }));
  },
};

/** @throws Error with the linter's output, when it is not JSON. */
async function runLinter(program: string, args: string[], cwd: string): Promise<unknown> {
  const { stdout, stderr } = await runNode([join(ROOT, "node_modules", program), ...args], { cwd });
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`${program} wrote no report:\n${stdout}\n${stderr}`, { cause: error });
  }
}
