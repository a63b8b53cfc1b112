import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { EXPORTS_OF_ALL, OTHER_EXPORTS } from "../../src/model/exports";
import { ROOT } from "../package/pack";
import type { Page, Problem } from "./markdown";
import { namedFiles, type Project } from "./projects";

/** The library's functions that an app exports from its wiring module. */
const LIBRARY_FUNCTIONS: readonly string[] = [...EXPORTS_OF_ALL, ...OTHER_EXPORTS];
const WIRING = "lazy";

/** Options of `npx convex run` that take a value. */
const WITH_VALUE = [
  "--preview-name",
  "--deployment",
  "--deployment-name",
  "--env-file",
  "--url",
  "--admin-key",
  "--identity",
];

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object };

/** A command with its words, as the shell would split them. */
interface Call {
  words: string[];
  at: number;
}

/**
 * Faults of the commands in a page's `sh` and `console` blocks, and in code of its text that begins with `npx` or
 * `npm`. Commands, options, scripts and functions must exist.
 */
export function commandProblems(page: Page, base: Page, program: Command): Problem[] {
  const files: Project = new Map([...namedFiles(base).files, ...namedFiles(page).files]);
  return callsOf(page).flatMap(({ words, at }) =>
    problemsOf(words, files, program).map((message) => ({ page: page.name, at, message })),
  );
}

/** The command line's program, with all of its commands. */
export async function commandLineProgram(): Promise<Command> {
  const program = new Command("convex-lazy-views");
  for (const file of readdirSync(join(ROOT, "src/cli/commands"))) {
    const added = (await import(`../../src/cli/commands/${file.replace(/\.ts$/, "")}.ts`)) as Record<string, unknown>;
    for (const [name, add] of Object.entries(added)) if (/^add/.test(name)) (add as (to: Command) => void)(program);
  }
  return program;
}

function callsOf({ blocks, codeInText }: Page): Call[] {
  const inBlocks = blocks.flatMap(({ language, lines }) => {
    if (language !== "sh" && language !== "console") return [];
    const typed = language === "sh" ? lines : lines.filter(({ text }) => text.startsWith("$ "));
    // A line that ends with \ continues on the next.
    return typed.flatMap(({ text, at }, i) => {
      if (typed[i - 1]?.text.endsWith("\\")) return [];
      let whole = text.replace(/^\$ /, "");
      for (let next = i + 1; whole.endsWith("\\"); next++) whole = whole.slice(0, -1) + (typed[next]?.text ?? "");
      return split(whole).map((words) => ({ words, at }));
    });
  });
  const inText = codeInText
    .filter(({ text }) => /^(npx|npm) /.test(text))
    .flatMap(({ text, at }) => split(text).map((words) => ({ words, at })));
  return [...inBlocks, ...inText];
}

/** Splits a line of the shell into commands, and each command into words. Variables set before a command are dropped. */
export function split(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of line.matchAll(/#.*|&&|\|\|?|;|(?:"[^"]*"|'[^']*'|[^\s;&|"'])+/g)) {
    if (token.startsWith("#")) break;
    if (["&&", "||", "|", ";"].includes(token)) commands.push([]);
    else if (commands.at(-1)?.length !== 0 || !/^\w+=/.test(token))
      commands.at(-1)?.push(token.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
  }
  return commands;
}

function problemsOf([program, command, ...rest]: string[], files: Project, commands: Command): string[] {
  if (program === "npm") return problemsOfNpm(command, rest);
  if (program !== "npx" || command === undefined) return [];
  if (command === "convex-lazy-views") return problemsOfOurs(rest, commands);
  if (command !== "convex") return [];
  const [subcommand, ...args] = rest;
  if (subcommand === "run") return problemsOfRun(args, files);
  // A command that another command starts.
  const started = args.filter((arg) => arg.startsWith("npx "));
  return started.flatMap((line) => split(line)).flatMap((words) => problemsOf(words, files, commands));
}

function problemsOfNpm(command: string | undefined, [script = ""]: string[]): string[] {
  const name = command === "run" ? script : command === "test" ? "test" : undefined;
  return name === undefined || name in scripts ? [] : [`package.json has no script "${name}".`];
}

function problemsOfRun(args: string[], files: Project): string[] {
  if (args.includes("--component")) return [];
  const [path, json] = args.filter((arg, i) => !arg.startsWith("-") && !WITH_VALUE.includes(args[i - 1] ?? ""));
  if (path === undefined || isPlaceholder(path)) return [];
  const [module = "", name = "default"] = path.split(":");
  const file = files.get(`convex/${module}.ts`) ?? files.get(`convex/${module}.tsx`);
  const problems: string[] = [];
  const isLibrarys = module === WIRING && LIBRARY_FUNCTIONS.includes(name);
  const code = file?.lines.map(({ text }) => text).join("\n") ?? "";
  if (!isLibrarys && !new RegExp(`^export const (${name}\\b|\\{[^}]*\\b${name}\\b)`, "m").test(code)) {
    problems.push(`This page's project has no function ${path}.`);
  }
  if (json !== undefined && !isJson(json)) problems.push(`These arguments are no JSON: ${json}`);
  return problems;
}

function problemsOfOurs([name, ...args]: string[], program: Command): string[] {
  if (name === undefined || name === "--help" || name === "--version" || isPlaceholder(name)) return [];
  const command = program.commands.find((each) => each.name() === name);
  if (command === undefined) return [`convex-lazy-views has no command "${name}".`];
  const problems: string[] = [];
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [flag = "", value] = (args[i] ?? "").split("=");
    if (flag === "-" || !flag.startsWith("-")) {
      operands.push(flag);
      continue;
    }
    const option = command.options.find(({ long, short }) => flag === long || flag === short);
    if (option === undefined && flag !== "--help") problems.push(`convex-lazy-views ${name} has no option ${flag}.`);
    const isFlag = option === undefined || (!option.required && !option.optional);
    if (isFlag || value !== undefined) continue;
    const given = args[++i];
    if (given === undefined) problems.push(`The option ${flag} takes a value.`);
    else if (option.argChoices && !isPlaceholder(given) && !option.argChoices.includes(given)) {
      problems.push(`The option ${flag} takes ${option.argChoices.join(", ")}, and not ${given}.`);
    }
  }
  const { registeredArguments } = command;
  const most = registeredArguments.some(({ variadic }) => variadic)
    ? Number.POSITIVE_INFINITY
    : registeredArguments.length;
  if (operands.length > most) problems.push(`convex-lazy-views ${name} takes no argument "${operands[most]}".`);
  return problems;
}

function isPlaceholder(word: string): boolean {
  return word.startsWith("<") || word === "…";
}

/** Faults of a page's JSON blocks. */
export function jsonProblems({ name, blocks }: Page): Problem[] {
  return blocks.flatMap(({ language, lines, at }) => {
    if (language !== "json") return [];
    try {
      JSON.parse(lines.map(({ text }) => text).join("\n"));
      return [];
    } catch (error) {
      return [{ page: name, at, message: `This is no JSON: ${(error as Error).message}` }];
    }
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
