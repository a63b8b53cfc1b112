import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ROOT } from "../package/pack";

/** A command that runs until it is stopped. */
export interface LongRunning {
  /** Its output so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with its exit code when it ends by itself; null when a signal has killed it. */
  readonly ended: Promise<number | null>;
  /** Sends it a signal, and resolves with its exit code when it has ended. */
  stop(signal: "SIGINT" | "SIGTERM"): Promise<number | null>;
}

/** Starts `npx convex-lazy-views` in a folder, from this repository's source. It is killed when the test ends. */
export function startCommand(folder: string, env: Record<string, string>, ...args: string[]): LongRunning {
  const command = ["--import", "tsx", join(ROOT, "src/cli/index.ts"), ...args];
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, command, {
    cwd: folder,
    env: { PATH, HOME: folder, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  return {
    ended,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    async stop(signal) {
      child.kill(signal);
      return await ended;
    },
  };
}
