import inspect from "object-inspect";
import { ROOT } from "./components";
import { frames } from "./execution";

/** Levels as Convex writes them. */
export type LogLevel = "DEBUG" | "LOG" | "INFO" | "WARN" | "ERROR";

/** One line that a function wrote to its console. */
export interface LogLine {
  level: LogLevel;
  /** The console call's arguments, each formatted. */
  messages: string[];
  /** All of them, joined with spaces. */
  message: string;
  truncated: boolean;
  /** Milliseconds since the epoch. */
  timestamp: number;
  /** The function that wrote it: the one that was started, or one that runs in its transaction. */
  path: string;
  /** The component that the function is in. */
  component: string;
}

/** The most lines that one execution may write. */
export const MAX_LOG_LINES = 256;

const MAX_LINE_BYTES = 32_768;

const LEVELS = { debug: "DEBUG", log: "LOG", info: "INFO", warn: "WARN", error: "ERROR" } as const;

/** Makes a line from a console call's arguments; formats and cuts them as Convex does. */
export function logLine(level: LogLevel, args: readonly unknown[], path: string, component = ROOT): LogLine {
  const { messages, truncated } = truncate(args.map(format));
  return { level, messages, message: messages.join(" "), truncated, timestamp: Date.now(), path, component };
}

/** The line as clients get it, in the form that they parse. */
export function prettyLine(line: LogLine): string {
  return `[${line.level}] ${line.message}${line.truncated ? " (truncated due to length)" : ""}`;
}

function format(value: unknown): string {
  return inspect(value, {
    maxStringLength: 32_768,
    // object-inspect takes any number of spaces; its types name only two settings.
    indent: 2 as number as never,
    customInspect: true,
  });
}

/** The arguments that fit into a line. */
function truncate(messages: string[]): { messages: string[]; truncated: boolean } {
  let room = MAX_LINE_BYTES;
  for (const [index, message] of messages.entries()) {
    const kept = cut(message, room);
    if (kept !== message) return { messages: [...messages.slice(0, index), kept], truncated: true };
    room = Math.max(0, room - Buffer.byteLength(message) - 1);
  }
  return { messages, truncated: false };
}

/** The first `maxBytes` bytes of a text, cut between characters. */
function cut(text: string, maxBytes: number): string {
  if (text.length <= maxBytes / 4) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}

let installed: Console | undefined;

/**
 * Replaces the global console with one that gives each line to the execution that wrote it, and
 * all other lines to the console before it. convex-test's own report of a failed scheduled
 * function goes to the function's job instead of the terminal.
 */
export function captureConsole(): void {
  if (globalThis.console === installed) return;
  const outer = globalThis.console;
  const capturing: Console = Object.create(outer);
  for (const [method, level] of Object.entries(LEVELS) as [keyof typeof LEVELS, LogLevel][]) {
    capturing[method] = (...args: unknown[]) => {
      const frame = frames.getStore();
      if (frame?.kind === "execution" && frame.interrupted) return;
      if (frame?.kind === "execution" && !frame.finished) frame.log(level, args);
      else if (level === "ERROR" && frame?.kind === "entry" && frame.job !== undefined) {
        frame.job.onFailure(args[1]);
      } else outer[method](...args);
    };
  }
  installed = capturing;
  globalThis.console = capturing;
}
