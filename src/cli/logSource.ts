import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { LOG_KEY } from "../effects/crypto.js";
import { type CliTarget, convexProgram } from "./convexCli.js";
import { type Deployment, localSetting } from "./deployment.js";
import { functionLog, type LogEntry, type LogOptions, type LogPage, toLogEntry } from "./functionLog.js";
import { CliError, keepSecret } from "./output.js";

export interface LogKeyOptions {
  logKey?: string;
  envFile?: string;
}

/** Adds the option for a key that may only view logs. */
export function logKeyOption(command: Command): Command {
  return command.option("--log-key <key>", `a key that may view logs. Or set ${LOG_KEY} in the environment`);
}

/** A key that may view logs, from the options, the environment, `.env.local` or `.env`. */
export function logKeyOf(options: LogKeyOptions): string | undefined {
  const key = options.logKey ?? localSetting(LOG_KEY, options);
  return key && keepSecret(key);
}

/**
 * The live function log. It is read with the deployment's key; else with a key that may only view logs; else with
 * Convex's CLI, which acts as the user who is logged in.
 *
 * @throws As `functionLog`; or CliError with what the official CLI wrote, when it ends.
 */
export function openLog(deployment: Deployment, options: LogOptions & LogKeyOptions = {}): AsyncGenerator<LogPage> {
  const key = options.logKey ?? deployment.key ?? logKeyOf(options) ?? null;
  return key === null ? officialLog(deployment, options) : functionLog({ ...deployment, key }, options);
}

/** Lines that come within this time make one page, because the CLI writes the answer to a poll at once. */
const PAGE_MS = 50;

/** The log as `npx convex logs --jsonl` prints it, which does not say where entries may be missing. */
async function* officialLog({ env, args }: CliTarget, { cursor = 0, signal }: LogOptions): AsyncGenerator<LogPage> {
  const command = [convexProgram(), "logs", "--jsonl", "--history", "1000", ...args];
  const child = spawn(process.execPath, command, {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    errors = (errors + data.toString()).slice(-2_000);
  });
  const stop = () => child.kill();
  signal?.addEventListener("abort", stop, { once: true });
  let read: LogEntry[] = [];
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };
  child.once("close", end);
  child.once("error", end);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const entry = line.startsWith("{") ? toLogEntry(parse(line)) : null;
    if (entry === null || entry.timestamp * 1_000 <= cursor) return;
    read.push(entry);
    wake();
  });
  try {
    while (!isOver) {
      if (read.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      await sleep(PAGE_MS);
      const entries = read;
      read = [];
      const newCursor = (entries.at(-1)?.timestamp ?? 0) * 1_000;
      if (entries.length > 0) yield { entries, newCursor, gap: null };
    }
    if (!signal?.aborted) throw new CliError(`npx convex logs ended:\n${errors.trim()}`);
  } finally {
    signal?.removeEventListener("abort", stop);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill();
      await once(child, "close");
    }
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
