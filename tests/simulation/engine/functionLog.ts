import { type LogLine, prettyLine } from "../../../examples/backend/console";
import type { AnswerOutside, Caller } from "./backend.js";
import { SimulatedResponse } from "./isolate.js";
import type { LogEvent } from "./logStream.js";
import type { Turns } from "./loop.js";

/** Completions that Convex's own log keeps. */
export const LOG_ENTRIES = 1_000;
/** An answer without entries comes after this time. */
const LONGEST_POLL_MS = 60_000;

type UdfType = "Query" | "Mutation" | "Action";

/** What has run, and the lines that it wrote. */
export interface Completion {
  udfType: UdfType;
  path: string;
  lines: readonly LogLine[];
  cached?: boolean;
  /** The lines of a query, as they are followed on their way. */
  events?: readonly LogEvent[];
}

/** One entry, at its place: in ms since 1970, each later than the one before. */
interface Entry extends Completion {
  cursor: number;
}

/** What becomes of a request: it gets its answer, some ms late; it fails; or another answer comes. */
export type RequestFate = number | "fails" | "error" | "other";

/** How a request was answered. */
export interface LogAnswer {
  /** Null when the connection was lost. */
  status: number | null;
  caller: Caller;
  /** Whether entries after the cursor were forgotten before. */
  isIncomplete: boolean;
}

/**
 * The deployment's function log, and the route that reads it: the last completions, in memory. A request names the place
 * after which it wants entries. It is answered at once, when one is written, or after 60 s.
 */
export class FunctionLog {
  private entries: Entry[] = [];
  private readonly waiting = new Set<() => void>();
  private last = 0;
  /** With what requests are refused; null while the key is good. */
  refusal: 401 | 403 | null = null;
  /** The place of the last entry that was forgotten. */
  private forgottenAt = 0;

  /**
   * @param key - The one that may read it; it may be refused, with a status.
   * @param size - The completions that it keeps.
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

  /** Other functions fill it. */
  fill(): void {
    for (let i = 0; i < this.size; i++) this.write({ udfType: "Query", path: "app:other", lines: [] });
  }

  /** The deployment restarts: all is forgotten, and requests that wait fail. */
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

/** What an action writes is an entry of its own while it runs. */
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

/** The next number that a double can be. */
function nextUp(number: number): number {
  const bits = new BigUint64Array(new Float64Array([number]).buffer);
  bits[0] = (bits[0] ?? 0n) + 1n;
  return new Float64Array(bits.buffer)[0] as number;
}
