import { type LogLine, prettyLine } from "../../../examples/backend/console";
import type { AnswerOutside, Caller } from "./backend.js";
import { SimulatedResponse } from "./isolate.js";
import type { LogEvent } from "./logStream.js";
import type { Turns } from "./loop.js";

/** How many completions Convex's own log keeps. */
export const LOG_ENTRIES = 1_000;
/** An answer without entries comes after this time. */
const LONGEST_POLL_MS = 60_000;

type UdfType = "Query" | "Mutation" | "Action";

/** A function that has run, and the lines that it wrote. */
export interface Completion {
  udfType: UdfType;
  path: string;
  lines: readonly LogLine[];
  cached?: boolean;
  /** The lines of a query, as the events that the simulation follows. */
  events?: readonly LogEvent[];
}

/** An entry of the log. Its cursor is in ms since 1970, and later than that of the entry before. */
interface Entry extends Completion {
  cursor: number;
}

/** The fate of a request: its answer comes, some ms late; it fails; or another answer comes. */
export type RequestFate = number | "fails" | "error" | "other";

/** How a request was answered. */
export interface LogAnswer {
  /** Null when the connection was lost. */
  status: number | null;
  caller: Caller;
  /** Whether the log had dropped entries after the cursor. */
  isIncomplete: boolean;
}

/**
 * The deployment's function log, which keeps the last completions in memory, and the route that reads it. A request asks
 * for the entries after a cursor. It is answered at once, when an entry is written, or after 60 s.
 */
export class FunctionLog {
  private entries: Entry[] = [];
  private readonly waiting = new Set<() => void>();
  private last = 0;
  /** The status with which requests are refused; null while the key is good. */
  refusal: 401 | 403 | null = null;
  /** The cursor of the last entry that was dropped. */
  private forgottenAt = 0;

  /**
   * @param key - The key that may read the log.
   * @param size - How many completions it keeps.
   */
  constructor(
    private readonly loop: Turns,
    private readonly key: string,
    private readonly size: number,
    private readonly observer: { fate(): RequestFate; onAnswer(answer: LogAnswer): void },
  ) {}

  write(completion: Completion): void {
    this.last = Math.max(this.loop.now, nextUp(this.last));
    this.entries.push({ ...completion, cursor: this.last });
    while (this.entries.length > this.size) this.forgottenAt = this.entries.shift()?.cursor ?? 0;
    this.wake();
  }

  /** Fills the log with completions of other functions. */
  fill(): void {
    for (let i = 0; i < this.size; i++) this.write({ udfType: "Query", path: "app:other", lines: [] });
  }

  /** The deployment restarts: the log is empty, and open requests fail. */
  restart(): void {
    this.forgottenAt = this.last;
    this.entries = [];
    this.wake();
  }

  /** The lines of queries that it still has. */
  held(): Set<LogEvent> {
    return new Set(this.entries.flatMap(({ events = [] }) => events));
  }

  /** Answers a request for the entries after a cursor. */
  readonly answer: AnswerOutside = async (url, { headers } = {}, caller) => {
    const { pathname, searchParams } = new URL(url);
    const cursor = Number(searchParams.get("cursor") ?? Number.NaN);
    const fate = this.observer.fate();
    const tell = (status: number | null) => this.observer.onAnswer({ status, caller, isIncomplete: false });
    const refuse = (status: number) => {
      tell(status);
      return new SimulatedResponse(JSON.stringify({ code: "Refused", message: `Status ${status}.` }), { status });
    };
    if (fate === "fails") {
      tell(null);
      throw new TypeError("The connection was lost.");
    }
    if (fate === "error") return refuse(503);
    if (fate === "other") return new SimulatedResponse("<html>Try again later.</html>");
    if (new Headers(headers).get("authorization") !== `Convex ${this.key}`) return refuse(401);
    if (pathname !== "/api/stream_function_logs" || Number.isNaN(cursor)) return refuse(404);
    if (this.refusal !== null) return refuse(this.refusal);
    if (fate > 0) await this.pause(fate);
    const until = this.loop.now + LONGEST_POLL_MS;
    const hasEntries = () => (this.entries.at(-1)?.cursor ?? 0) > cursor;
    while (!hasEntries() && this.loop.now < until) await this.nextEntry(until - this.loop.now);
    if (caller.isDead) throw new TypeError("The connection was lost.");
    const found = this.entries.filter((entry) => entry.cursor > cursor);
    this.observer.onAnswer({ status: 200, caller, isIncomplete: this.forgottenAt > cursor });
    const newCursor = found.at(-1)?.cursor ?? cursor;
    return new SimulatedResponse(JSON.stringify({ entries: found.map(jsonOf), newCursor }));
  };

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.loop.at(this.loop.now + ms, resolve));
  }

  private nextEntry(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (this.waiting.delete(wake)) resolve();
      };
      this.waiting.add(wake);
      this.loop.at(this.loop.now + ms, wake);
    });
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
  }
}

/** The lines of an action are entries of their own while it runs. */
function jsonOf({ udfType, path, lines, cached = false, cursor }: Entry): object {
  const logLines = udfType === "Action" ? [] : lines.map(prettyLine);
  const kind = "Completion";
  return {
    kind,
    udfType,
    identifier: path,
    componentPath: null,
    logLines,
    timestamp: cursor / 1_000,
    cachedResult: cached,
  };
}

/** The next greater double. */
function nextUp(number: number): number {
  const bits = new BigUint64Array(new Float64Array([number]).buffer);
  bits[0] = (bits[0] ?? 0n) + 1n;
  return new Float64Array(bits.buffer)[0] as number;
}
