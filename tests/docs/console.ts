import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { eventually } from "../eventually";
import type { Block, Line, Page, Problem } from "./markdown";
import { split } from "./shell";
import { type App, STATES, startInState, statesOf } from "./states";

/** A command of a block, and what is printed below it. */
interface Session {
  command: Line;
  /** The words behind `npx convex-lazy-views`; undefined for another command. */
  args: string[] | undefined;
  output: string;
}

/** The blocks `console` of a page that run our command line. */
export function consoleBlocks({ blocks }: Page): Block[] {
  return blocks.filter(
    (block) => block.language === "console" && sessionsOf(block).some(({ args }) => args !== undefined),
  );
}

/**
 * Runs the commands of a block one after the other, on a deployment in the state that the block says, and compares
 * what they print with what the block says. A command that goes on until it is stopped is stopped when it has printed
 * that.
 *
 * @param newApp - Gives an app of its own to the block.
 */
export async function consoleProblems(page: Page, block: Block, newApp: () => Promise<App>): Promise<Problem[]> {
  const problem = (at: number, message: string): Problem => ({ page: page.name, at, message });
  const states = statesOf(block.given);
  if (states.includes(undefined)) {
    const known = Object.keys(STATES).join(", ");
    return [problem(block.at, `"given: ${block.given}" names a state that is none of these: ${known}.`)];
  }
  const app = await newApp();
  const backend = await startInState(
    app,
    states.filter((state) => state !== undefined),
  );
  const env = { CONVEX_SELF_HOSTED_URL: backend.url, CONVEX_SELF_HOSTED_ADMIN_KEY: backend.adminKey };
  const problems: Problem[] = [];
  try {
    for (const { command, args, output } of sessionsOf(block)) {
      if (args === undefined) continue;
      const printed = await printedBy(app.folder, env, args, output);
      if (pattern(output).test(normalized(printed))) continue;
      problems.push(problem(command.at, `${command.text} prints:\n${printed}`));
    }
  } finally {
    await backend.close();
  }
  return problems;
}

function sessionsOf({ lines }: Block): Session[] {
  const sessions: { command: Line; args: string[] | undefined; output: string[] }[] = [];
  for (const line of lines) {
    if (!line.text.startsWith("$ ")) {
      sessions.at(-1)?.output.push(line.text);
      continue;
    }
    const [[npx, program, ...args] = []] = split(line.text.slice(2));
    const isOurs = npx === "npx" && program === "convex-lazy-views";
    sessions.push({ command: line, args: isOurs ? args : undefined, output: [] });
  }
  return sessions.map((session) => ({ ...session, output: session.output.join("\n") }));
}

/** What a command prints until it ends; of one that goes on, until there are as many lines as are expected. */
async function printedBy(
  folder: string,
  env: Record<string, string>,
  args: string[],
  expected: string,
): Promise<string> {
  const { PATH = "" } = process.env;
  const program = join(folder, "node_modules/convex-lazy-views/dist/cli/index.js");
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH, HOME: folder, NO_COLOR: "1", TZ: "UTC", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = expected.trim() === "" ? 0 : expected.trim().split("\n").length;
  let printed = "";
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const closed = once(child, "close").then(() => {
    hasEnded = true;
  });
  try {
    await eventually(() => {
      if (hasEnded || (goesOn(args) && printed.split("\n").length > lines)) return;
      throw new Error(`It has not ended. It has printed:\n${printed}`);
    });
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
  return printed;
}

/** Whether a command runs until it is stopped. */
function goesOn([command, ...flags]: string[]): boolean {
  if (flags.includes("--help")) return false;
  return command === "relay" || (command === "watch" && !flags.includes("--once"));
}

/** Matches, normalized, what a block says: `…` in it stands for the rest of a line, or for lines. */
export function pattern(output: string): RegExp {
  const source = normalized(output)
    .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/^ *…$/gm, "(?:.|\\n)*")
    .replaceAll("…", ".*");
  return new RegExp(`^${source}$`);
}

/** A text without what differs from run to run: addresses, times, dates, versions, and how columns are aligned. */
export function normalized(output: string): string {
  return output
    .replaceAll(/https?:\/\/[\w-]+(\.[\w-]+)*(:\d+)?/g, "<address>")
    .replaceAll(/<address> \((cloud|self-hosted|local)\)/g, "<address> (<kind>)")
    .replaceAll(/\d{4}-\d\d-\d\d/g, "<date>")
    .replaceAll(/\d\d:\d\d:\d\d(\.\d+)?/g, "<time>")
    .replaceAll(/(?<![\w.])\d[\d,]*(\.\d+)? (ms|s|min|h|days?)\b/g, "<span>")
    .replaceAll(/(?<![\w.])\d+\.\d+\.\d+(?![\w.]\d)/g, "<version>")
    .replaceAll(/ {2,}\+<span>/g, "")
    .replaceAll(/(?<=\S) {2,}/g, "  ")
    .replaceAll(/ +$/gm, "")
    .trim();
}
