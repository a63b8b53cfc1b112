import type { TransactionMetrics } from "convex/server";
import { type Ended, isOutOfRetries } from "../../tests/simulation/engine/backend";
import type { Kind } from "../../tests/simulation/engine/frame";
import type { Usage } from "../../tests/simulation/engine/usage";

/** What all functions that ran took together. */
export interface Amounts {
  documentsRead: number;
  documentsWritten: number;
  bytesRead: number;
  bytesWritten: number;
  indexRanges: number;
  /** Queries that were not served from the cache, mutations, actions and HTTP actions. */
  functionCalls: number;
  /** Those of the calls that dispatch effects, and those that are deliveries of the log stream. */
  dispatches: number;
  deliveries: number;
  /** Queries among the calls; and all answers of queries, including cached ones: Convex bills each as a call. */
  queries: number;
  answers: number;
  /** Conflicts: of the transactions that write the source, and of others. */
  writeConflicts: number;
  otherConflicts: number;
  /** Mutations that failed. */
  failures: number;
  /** Console lines that are sent to the log stream. */
  logEvents: number;
}

/** The functions that write the source. */
const WRITES = ["app:add", "app:correct"];

const METRICS = {
  documentsRead: "documentsRead",
  documentsWritten: "documentsWritten",
  bytesRead: "bytesRead",
  bytesWritten: "bytesWritten",
  indexRanges: "databaseQueries",
} as const satisfies Partial<Record<keyof Amounts, keyof TransactionMetrics>>;

/** Adds up what functions take, from `start()` on. */
export class Meter {
  readonly amounts: Amounts = {
    documentsRead: 0,
    documentsWritten: 0,
    bytesRead: 0,
    bytesWritten: 0,
    indexRanges: 0,
    functionCalls: 0,
    dispatches: 0,
    deliveries: 0,
    queries: 0,
    answers: 0,
    writeConflicts: 0,
    otherConflicts: 0,
    failures: 0,
    logEvents: 0,
  };
  isRunning = false;

  start(): void {
    this.isRunning = true;
  }

  onEnd(kind: Kind, { usage, result, path }: Ended<unknown>): void {
    this.call();
    if (kind === "query") this.count("queries");
    if (path === "lazy:dispatch") this.count("dispatches");
    const hasFailed = kind === "mutation" && "error" in result;
    // A mutation that is out of retries was counted with its last conflict.
    if (!hasFailed || !isOutOfRetries(result.error)) this.use(usage);
    if (hasFailed) this.count("failures");
  }

  onConflict(path: string, usage: Usage): void {
    this.use(usage);
    this.count(WRITES.includes(path) ? "writeConflicts" : "otherConflicts");
  }

  call(): void {
    this.count("functionCalls");
  }

  count(what: keyof Amounts): void {
    if (this.isRunning) this.amounts[what]++;
  }

  log(lines: number): void {
    if (this.isRunning) this.amounts.logEvents += lines;
  }

  use({ used }: Usage): void {
    if (!this.isRunning) return;
    for (const [name, metric] of Object.entries(METRICS)) {
      this.amounts[name as keyof typeof METRICS] += used[metric];
    }
  }
}
