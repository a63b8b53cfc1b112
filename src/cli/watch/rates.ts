import { LOG_SIZE } from "../../effects/transports/functionLog.js";
import type { Completion, LogEntry, LogPage } from "../functionLog.js";

const MINUTE_MS = 60_000;
/** Less of the log than this says nothing of a minute. */
const MIN_COVERED_MS = 5_000;

/** What recomputes cost in a minute: their calls, and the documents that these have read. */
export interface Rate {
  recomputes: number;
  documents: number;
}

/** Counts the recomputes of the last minute, from the function log. */
export class Rates {
  private calls: Completion[] = [];
  /** From when on the log is known, in ms since 1970. */
  private since: number | undefined;

  constructor(private readonly module: string) {}

  /** Takes the next page of the log. After a gap in it, a minute begins anew. */
  add({ entries, gap }: Pick<LogPage, "entries" | "gap">): void {
    const [first] = entries;
    if (this.since === undefined || gap) {
      // A log that is not full goes back to the deployment's start: nothing was before it.
      const isWhole = gap === null && entries.length < LOG_SIZE;
      this.since = isWhole ? 0 : first && first.timestamp * 1_000;
    }
    this.calls.push(...entries.filter((entry): entry is Completion => this.isRecompute(entry)));
  }

  /** Of all views; null while too little of the log is known. What is less than a minute is scaled to one. */
  lastMinute(now: number): Rate | null {
    const start = Math.max(this.since ?? now, now - MINUTE_MS);
    const covered = now - start;
    if (covered < MIN_COVERED_MS) return null;
    const old = this.calls.filter(({ timestamp }) => timestamp * 1_000 < now - 2 * MINUTE_MS);
    this.calls.splice(0, old.length);
    const calls = this.calls.filter(({ timestamp }) => timestamp * 1_000 >= start);
    const documents = calls.reduce((sum, { usageStats }) => sum + (usageStats?.databaseReadDocuments ?? 0), 0);
    const perMinute = (count: number) => Math.round((count * MINUTE_MS) / covered);
    return { recomputes: perMinute(calls.length), documents: perMinute(documents) };
  }

  /** The heartbeat's own calls are no recomputes: it is an action. */
  private isRecompute(entry: LogEntry): boolean {
    const isScheduled = entry.kind === "Completion" && entry.caller === "Scheduler";
    return isScheduled && entry.identifier === `${this.module}:recompute`;
  }
}
