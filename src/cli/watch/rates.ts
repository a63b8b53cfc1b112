import { LOG_SIZE } from "../../effects/transports/functionLog.js";
import type { Completion, LogEntry, LogPage } from "../functionLog.js";

const MINUTE_MS = 60_000;
/** A shorter part of the log is not enough for a rate. */
const MIN_COVERED_MS = 5_000;

/** The recomputes of a minute, and the documents that they have read. */
export interface Rate {
  recomputes: number;
  documents: number;
}

/** Counts the recomputes of the last minute, from the function log. */
export class Rates {
  private calls: Completion[] = [];
  /** The log is known from this time on, in ms since 1970. */
  private since: number | undefined;

  constructor(private readonly module: string) {}

  /** Takes the next page of the log. After a gap in the log, counting begins anew. */
  add({ entries, gap }: Pick<LogPage, "entries" | "gap">): void {
    const [first] = entries;
    if (this.since === undefined || gap) {
      // A log that is not full begins at the deployment's start.
      const isWhole = gap === null && entries.length < LOG_SIZE;
      this.since = isWhole ? 0 : first && first.timestamp * 1_000;
    }
    this.calls.push(...entries.filter((entry): entry is Completion => this.isRecompute(entry)));
  }

  /** The rate of all views; null while too little of the log is known. A shorter time is scaled to a minute. */
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

  /** Whether an entry is a recompute. The heartbeat also calls `recompute`, but is not the scheduler. */
  private isRecompute(entry: LogEntry): boolean {
    const isScheduled = entry.kind === "Completion" && entry.caller === "Scheduler";
    return isScheduled && entry.identifier === `${this.module}:recompute`;
  }
}
