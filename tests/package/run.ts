import { execFile } from "node:child_process";
import { WAIT_LIMIT_MS } from "../limits.js";

/** What a program wrote, and how it ended. */
export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end, whatever its exit code.
 *
 * @throws Error with what it wrote, when it does not come to its end.
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

/** As `run`, with node itself. */
export async function runNode(args: readonly string[], options: { cwd: string; input?: string }): Promise<Run> {
  return await run(process.execPath, args, options);
}

/** @throws Error with what the program wrote, when it failed. */
export function succeeded(result: Run): Run {
  if (result.code === 0) return result;
  throw new Error(`exit code ${result.code}\n${result.stdout}\n${result.stderr}`);
}
