import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { parseEnv } from "node:util";
import { type JSONValue, jsonToConvex } from "convex/values";
import type { Deployment } from "./deployment.js";
import { CliError } from "./output.js";

/** What selects the deployment of a command of Convex's CLI. */
export type CliTarget = Pick<Deployment, "env" | "args">;

/** How a command of Convex's CLI ended. */
export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** One entry of `convex function-spec`. HTTP actions have a method and a path in place of an identifier. */
export interface FunctionEntry {
  functionType: "Query" | "Mutation" | "Action" | "HttpAction";
  /** `lazy.js:inspect`: the module's file and the export. */
  identifier?: string;
  visibility?: { kind: "public" | "internal" };
  args?: unknown;
  returns?: unknown;
  method?: string;
  path?: string;
}

/** What `convex function-spec` prints. */
export interface FunctionSpec {
  url: string;
  functions: FunctionEntry[];
}

/** A command of Convex's CLI that takes longer is stopped, in ms. */
const TIMEOUT_MS = 3 * 60_000;

/** The program of the `convex` package that the app has installed. @throws CliError when it has none. */
export function convexProgram(): string {
  const fromApp = createRequire(join(process.cwd(), "package.json"));
  try {
    const manifest = fromApp.resolve("convex/package.json");
    const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: { convex: string } };
    return join(dirname(manifest), bin.convex);
  } catch {
    throw new CliError(
      `The package convex is not installed in ${process.cwd()}. ` +
        "Run this command in the folder of your app's package.json, after `npm install convex`.",
    );
  }
}

/**
 * Starts the app's own `convex` CLI as a child process.
 *
 * ```ts
 * const { code, stdout } = await convexCli(deployment, ["env", "list"]);
 * ```
 *
 * @param input - Its standard input, for values that no process list should show.
 * @throws CliError when `convex` is not installed, or does not end in three minutes.
 */
export async function convexCli({ env, args: selection }: CliTarget, args: string[], input = ""): Promise<CliResult> {
  const command = [convexProgram(), ...args, ...selection];
  const child = spawn(process.execPath, command, {
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
  // The command may end before it has read its input.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code === null) throw new CliError(`npx convex ${args[0]} did not end in ${TIMEOUT_MS / 1_000} s.`);
  return { code, stdout, stderr };
}

/** As `convexCli`, for commands that must succeed. @throws CliError with what the CLI wrote. */
async function succeed(target: CliTarget, args: string[], input?: string): Promise<CliResult> {
  const result = await convexCli(target, args, input);
  if (result.code === 0) return result;
  const { stdout, stderr } = result;
  throw new CliError(`npx convex ${args.slice(0, 2).join(" ")} failed:\n${stderr.trim() || stdout.trim()}`);
}

/** The deployment's functions, as `convex function-spec` lists them. @throws CliError when it fails. */
export async function functionSpec(target: CliTarget & { spec?: FunctionSpec }): Promise<FunctionSpec> {
  if (target.spec) return target.spec;
  const { stdout } = await succeed(target, ["function-spec"]);
  return JSON.parse(stdout) as FunctionSpec;
}

/**
 * Runs a function of the app, also an internal one.
 *
 * ```ts
 * const report = await runFunction(deployment, "lazy:inspect");
 * ```
 *
 * @returns what the function returns, as a Convex value.
 * @throws CliError with the function's error.
 */
export async function runFunction(target: CliTarget, path: string, args: object = {}): Promise<unknown> {
  const { stdout } = await succeed(target, ["run", path, JSON.stringify(args)]);
  // For null, it prints nothing.
  return stdout.trim() === "" ? null : jsonToConvex(JSON.parse(stdout) as JSONValue);
}

/** A variable of the deployment; null when it is not set. @throws CliError when the CLI fails. */
export async function envGet(target: CliTarget, name: string): Promise<string | null> {
  const { stdout } = await succeed(target, ["env", "get", name]);
  return stdout === "" ? null : stdout.replace(/\r?\n$/, "");
}

/** All variables of the deployment, with their values. @throws CliError when the CLI fails. */
export async function envList(target: CliTarget): Promise<Record<string, string>> {
  const asked = await convexCli(target, ["env", "list", "--include-values"]);
  // Older versions do not know the option, and always print values.
  const { stdout } = asked.code === 0 ? asked : await succeed(target, ["env", "list"]);
  return parseEnv(stdout) as Record<string, string>;
}

/**
 * Sets variables of the deployment, all in one transaction. Their values do not appear in a process list.
 *
 * @param values - Their values must not contain a line break or a quote.
 * @throws CliError when the CLI fails.
 */
export async function envSet(target: CliTarget, values: Record<string, string>): Promise<void> {
  const lines = Object.entries(values).map(([name, value]) => `${name}='${value}'\n`);
  await succeed(target, ["env", "set", "--force"], lines.join(""));
}

/** Removes a variable of the deployment, if it is there. @throws CliError when the CLI fails. */
export async function envRemove(target: CliTarget, name: string): Promise<void> {
  await succeed(target, ["env", "remove", name]);
}
