import { clearTimeout, setTimeout } from "node:timers";
import type { LogLine } from "../console";
import type { ReportedFunction, Run } from "../reporter";

/** A function that ended. */
export interface Completion {
  kind: "Completion";
  source: ReportedFunction;
  run: Run;
  /** Milliseconds since 1970. */
  loggedAt: number;
}

/** A line that an action wrote while it runs. */
export interface Progress {
  kind: "Progress";
  source: ReportedFunction;
  /** When the action started, in milliseconds since 1970. */
  startedAt: number;
  line: LogLine;
}

export type LogPart = Completion | Progress;

/** The entries after a cursor, the oldest first, and the cursor of the last one. */
export interface LogRead {
  parts: LogPart[];
  cursor: number;
}

export interface FunctionLogOptions {
  /** How many completions the log keeps. Default: 1,000, as Convex does. */
  capacity?: number;
  /** How long a reader waits for the next entry, in milliseconds. Default: 60,000, as Convex does. */
  pollMs?: number;
}

/**
 * The log of the deployment's functions, in memory. Each entry has a unique time, in milliseconds since 1970 with
 * fractions. Readers use this time as their cursor.
 */
export class FunctionLog {
  private entries: { time: number; part: LogPart }[] = [];
  private completions = 0;
  private stopped = false;
  private readonly waiting = new Set<(event: "woken") => void>();
  private readonly capacity: number;
  private readonly pollMs: number;

  constructor({ capacity = 1_000, pollMs = 60_000 }: FunctionLogOptions = {}) {
    this.capacity = capacity;
    this.pollMs = pollMs;
  }

  /** Adds an entry, and drops the oldest ones if the log has too many completions. */
  append(part: LogPart): void {
    const last = this.entries.at(-1)?.time ?? 0;
    this.entries.push({ time: Math.max(Date.now(), nextNumber(last)), part });
    if (part.kind === "Completion") this.completions++;
    while (this.completions > this.capacity) {
      if (this.entries.shift()?.part.kind === "Completion") this.completions--;
    }
    this.wake();
  }

  /**
   * The entries after `cursor`. If the log has none, waits for the next one; after `pollMs`, returns no entries. Null
   * when the log stops.
   *
   * @param closed ends the wait.
   */
  async read(cursor: number, closed: AbortSignal): Promise<LogRead | null> {
    if (this.stopped) return null;
    const first = this.entries.findLastIndex(({ time }) => time <= cursor) + 1;
    if (first < this.entries.length) {
      const parts = this.entries.slice(first).map(({ part }) => part);
      return { parts, cursor: this.entries.at(-1)?.time ?? cursor };
    }
    const event = await this.nextEvent(closed);
    if (this.stopped || closed.aborted) return null;
    return event === "late" ? { parts: [], cursor } : await this.read(cursor, closed);
  }

  /** Waiting readers get null, and so do later ones, until `startAnew`. */
  stop(): void {
    this.stopped = true;
    this.wake();
  }

  /** Empties the log and ends its stop. */
  startAnew(): void {
    this.entries = [];
    this.completions = 0;
    this.stopped = false;
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve("woken");
  }

  private async nextEvent(closed: AbortSignal): Promise<"woken" | "late"> {
    return await new Promise((resolve) => {
      const end = (event: "woken" | "late") => {
        clearTimeout(timer);
        closed.removeEventListener("abort", onClose);
        this.waiting.delete(end);
        resolve(event);
      };
      const onClose = () => end("woken");
      const timer = setTimeout(() => end("late"), this.pollMs);
      closed.addEventListener("abort", onClose);
      this.waiting.add(end);
    });
  }
}

const float = new DataView(new ArrayBuffer(8));

/** The smallest number above a positive one. */
function nextNumber(value: number): number {
  float.setFloat64(0, value);
  float.setBigInt64(0, float.getBigInt64(0) + 1n);
  return float.getFloat64(0);
}
