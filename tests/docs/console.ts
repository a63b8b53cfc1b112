import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { eventually } from "../eventually";
import type { Block, Line, Page, Problem } from "./markdown";
import { split } from "./shell";
import { type App, type Given, reach, readGiven, STATES, startInState } from "./states";

/** A command of a block, with the output below it. */
interface Session {
  command: Line;
  /** The words behind `npx convex-lazy-views`; undefined for another command. */
  args: string[] | undefined;
  output: string;
}

/** The `console` blocks of a page that run our command line. */
export function consoleBlocks({ blocks }: Page): Block[] {
  return blocks.filter(
    (block) => block.language === "console" && sessionsOf(block).some(({ args }) => args !== undefined),
  );
}

/**
 * Runs the commands of a block one after the other, on a deployment in the block's state, and compares their output
 * with the block's. A command that never ends by itself is stopped after as many lines as the block has.
 *
 * @param newApp - Makes a new app for the block.
 */
export async function consoleProblems(page: Page, block: Block, newApp: () => Promise<App>): Promise<Problem[]> {
  const problem = (at: number, message: string): Problem => ({ page: page.name, at, message });
  const given = readGiven(block.given);
  if (given.unknown.length > 0) {
    const names = Object.keys(STATES).join(", ");
    return [problem(block.at, `"given: ${given.unknown.join(", ")}" is none of these states: ${names}.`)];
  }
  const sessions = sessionsOf(block).filter(({ args }) => args !== undefined);
  const printed = await outputs(block, sessions, given, await newApp());
  return sessions.flatMap(({ command, output }, i) =>
    pattern(output).test(normalized(printed[i] ?? ""))
      ? []
      : [problem(command.at, `${command.text} prints:\n${printed[i]}`)],
  );
}

/** A cache of outputs: pages repeat commands, and some commands take seconds. */
const known = new Map<string, string[]>();

async function outputs(block: Block, sessions: Session[], given: Given, app: App): Promise<string[]> {
  const name = JSON.stringify([app.code, block.given, sessions.map(({ args, output }) => [args, linesOf(output)])]);
  const before = known.get(name);
  if (before !== undefined) return before;
  const deployment = await startInState(app, given);
  const { url, adminKey } = deployment.backend;
  const env = { CONVEX_SELF_HOSTED_URL: url, CONVEX_SELF_HOSTED_ADMIN_KEY: adminKey };
  const whenStarted = () => reach(deployment, given.meanwhile);
  const printed: string[] = [];
  try {
    for (const { args = [], output } of sessions) {
      printed.push(await printedBy({ folder: app.folder, env, args, lines: linesOf(output), whenStarted }));
    }
  } finally {
    await deployment.backend.close();
  }
  known.set(name, printed);
  return printed;
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

interface Started {
  folder: string;
  env: Record<string, string>;
  args: string[];
  /** The expected number of lines. */
  lines: number;
  /** Called when a command that goes on has printed its first line. */
  whenStarted(): Promise<void>;
}

/** The output of a command until it ends; of one that goes on, until it has printed the expected number of lines. */
async function printedBy({ folder, env, args, lines, whenStarted }: Started): Promise<string> {
  const { PATH = "" } = process.env;
  const program = join(folder, "node_modules/convex-lazy-views/dist/cli/index.js");
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH, HOME: folder, NO_COLOR: "1", TZ: "UTC", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
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
  const hasPrinted = async (count: number) =>
    await eventually(() => {
      if (hasEnded || (goesOn(args) && printed.split("\n").length > count)) return;
      throw new Error(`${args.join(" ")} has not ended. It has printed:\n${printed}`);
    });
  try {
    await hasPrinted(Math.min(lines, 1));
    if (!hasEnded) await whenStarted();
    await hasPrinted(lines);
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
  return printed;
}

function linesOf(text: string): number {
  return text.trim() === "" ? 0 : text.trim().split("\n").length;
}

/** Whether a command runs until it is stopped. */
function goesOn([command, ...flags]: string[]): boolean {
  if (flags.includes("--help")) return false;
  return command === "relay" || (command === "watch" && !flags.includes("--once"));
}

/** A pattern for normalized output. `…` in a block's output stands for the rest of a line, or for lines. */
export function pattern(output: string): RegExp {
  const source = normalized(output)
    .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/^ *…$/gm, "(?:.|\\n)*")
    .replaceAll("…", ".*");
  return new RegExp(`^${source}$`);
}

/** Removes from a text what differs between runs: addresses, times, dates, versions, and the alignment of columns. */
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
