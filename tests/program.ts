import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A program of this repository that runs as a child process. */
export interface Program {
  /**
   * Waits until its output, on stdout or stderr, matches.
   *
   * @returns The text that matched.
   * @throws Error with all its output, when it ends without a match, or never prints one.
   */
  prints(pattern: RegExp): Promise<string>;
  /**
   * Waits until it has ended.
   *
   * @throws Error with all its output, when it never ends.
   */
  ends(): Promise<{ code: number | null; stdout: string }>;
  /** Ends it, as Ctrl-C does. */
  interrupt(): void;
}

/** Starts a program, e.g. `startProgram("examples/demo.ts", "--interval", "300")`. */
export function startProgram(file: string, ...args: string[]): Program {
  const child = spawn(process.execPath, ["--import", "tsx", file, ...args], { cwd: ROOT });
  let isOver = false;
  let stdout = "";
  let printed = "";
  child.stdout.on("data", (text) => {
    stdout += text;
    printed += text;
  });
  child.stderr.on("data", (text) => {
    printed += text;
  });
  child.on("close", () => {
    isOver = true;
  });
  process.once("exit", () => child.kill());
  const failure = (problem: string) => new Error(`${file} ${problem}. It has printed:\n${printed}`);
  return {
    async prints(pattern) {
      await eventually(() => {
        if (!isOver && !pattern.test(printed)) throw failure(`has not printed ${pattern}`);
      });
      const [match] = pattern.exec(printed) ?? [];
      if (match === undefined) throw failure(`ended without printing ${pattern}`);
      return match;
    },
    async ends() {
      await eventually(() => {
        if (!isOver) throw failure("has not ended");
      });
      return { code: child.exitCode, stdout };
    },
    interrupt: () => void child.kill("SIGINT"),
  };
}
