import { execFile } from "node:child_process";
import { WAIT_LIMIT_MS } from "../limits.js";

/** The output and the exit code of a program. */
export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program until it exits, with any exit code.
 *
 * @throws Error with its output, when it does not exit.
 */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, input = "", env = process.env }: { cwd: string; input?: string; env?: NodeJS.ProcessEnv },
): Promise<Run> {
  return await new Promise((resolve, reject) => {
    const options = { cwd, env, maxBuffer: 1 << 26, timeout: WAIT_LIMIT_MS };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(new Error(`${error?.message}\n${stdout}\n${stderr}`, { cause: error }));
    });
    child.stdin?.end(input);
  });
}

/** As `run`, for a script of Node. */
export async function runNode(args: readonly string[], options: { cwd: string; input?: string }): Promise<Run> {
  return await run(process.execPath, args, options);
}

/** @throws Error with the program's output, when it failed. */
export function succeeded(result: Run): Run {
  if (result.code === 0) return result;
  throw new Error(`exit code ${result.code}\n${result.stdout}\n${result.stderr}`);
}
