import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { readFunctionsFolder, readPackage } from "../init/folder.js";
import { planInit } from "../init/plan.js";
import { Project } from "../init/project.js";
import type { Step } from "../init/step.js";
import { CliError, colors, print, printJson } from "../output.js";

interface Options {
  dryRun?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ npx convex-lazy-views init --dry-run   # shows what it would write
  $ npx convex-lazy-views init

It writes convex/lazy.ts, and adds the lines that convex/schema.ts and convex/http.ts lack. It changes no other line. Run
it again when you have declared another view. Where it cannot add a line safely, it prints the line, and ends with code 1.`;

/** Adds the command `init` to the program. */
export function addInit(program: Command): void {
  program
    .command("init")
    .summary("writes lazy.ts, and the lines that schema.ts and http.ts lack")
    .description(
      "Writes the module that wires the library to your app, and the lines that your schema and your router lack.",
    )
    .option("--dry-run", "print what it would write, and write nothing")
    .option("--json", "print one JSON object: what was done")
    .addHelpText("after", EXAMPLES)
    .action(init);
}

async function init({ dryRun = false, json = false }: Options): Promise<void> {
  const app = process.cwd();
  if (!existsSync(join(app, "package.json"))) {
    throw new CliError(
      `There is no package.json in ${app}. Run this command in the folder of your app's package.json.`,
    );
  }
  const { path, name, files } = await readFunctionsFolder(app);
  const steps = planInit(files);
  for (const { file, text } of steps) {
    if (text === undefined || dryRun) continue;
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  }
  if (steps.some(({ action }) => action === "manual")) process.exitCode = 1;
  if (json) {
    printJson({ dryRun, files: steps.map(({ text, ...step }) => ({ ...step, file: `${name}/${step.file}` })) });
    return;
  }
  for (const step of steps) describe(step, name, dryRun);
  if (dryRun || steps.every(({ action }) => action === "kept")) return;
  for (const { file, text } of steps) if (text !== undefined) files.set(file, text);
  await printNext(app, new Project(files), name);
}

function describe({ file, action, lines, reason }: Step, folder: string, dryRun: boolean): void {
  const path = `${folder}/${file}`;
  if (action === "kept") {
    print(`${colors.green("✓")} ${path} lacks nothing.`);
    return;
  }
  const what = {
    created: dryRun ? "would be created" : "created",
    added: dryRun ? "these lines would be added" : "added",
    manual: `please add by hand, because ${reason}`,
  };
  const sign = action === "manual" ? colors.yellow("!") : colors.green("+");
  print(`${sign} ${path}: ${what[action]}:`);
  for (const line of lines) print(line === "" ? "" : `    ${line}`);
}

/** Prints what to do next. @param project - The app, with the new lines. */
async function printNext(app: string, project: Project, folder: string): Promise<void> {
  const { dependencies, devDependencies } = await readPackage(app);
  const packages = { ...dependencies, ...devDependencies };
  const missing = ["convex", "convex-lazy-views"].filter((each) => !(each in packages));
  const next = [
    ...(missing.length > 0 ? [`npm install ${missing.join(" ")}`] : []),
    ...(project.views().length === 0
      ? ["Declare a view with viewTable() and defineView(), and run this command again: it adds the view."]
      : []),
    ...buildersNext(project, folder),
    "npx convex dev --once",
    "npx convex-lazy-views connect",
  ];
  print("\nNext:");
  for (const [i, line] of next.entries()) print(`  ${i + 1}. ${line}`);
}

/** What to write so that the app's functions are made with the builders of the library. */
function buildersNext(project: Project, folder: string): string[] {
  const lazy = project.lazy();
  if (lazy === undefined) return [];
  const { source, local } = lazy;
  const file = `${folder}/${source.file}`;
  const hasBuilders = [...project.files.values()].some((text) => text.includes(`${local}.mutation(`));
  return [
    ...(hasBuilders
      ? []
      : [
          `Export builders from ${file}: export const mutation = ${local}.mutation(rawMutation); and the same of query, ` +
            "internalMutation and internalQuery. The raw ones are those of ./_generated/server.",
        ]),
    `Import query, mutation and their internal forms from ${file}, in place of ${folder}/_generated/server.`,
  ];
}
