import type { TransactionMetrics } from "convex/server";
import type { Ended } from "../../tests/simulation/engine/backend";
import type { Kind } from "../../tests/simulation/engine/frame";
import type { Usage } from "../../tests/simulation/engine/usage";

/** What everything that ran took together. */
export interface Amounts {
  documentsRead: number;
  documentsWritten: number;
  bytesRead: number;
  bytesWritten: number;
  indexRanges: number;
  /** Queries that were not served from the cache, mutations, actions and HTTP actions. */
  functionCalls: number;
  /** Conflicts: of the transactions that write the source, and of others. */
  writeConflicts: number;
  otherConflicts: number;
  /** Mutations that failed. */
  failures: number;
  /** Console lines that are sent to the log stream. */
  logEvents: number;
}

export interface FunctionAmounts {
  calls: number;
  documents: number;
}

/** Whether a mutation was given up because of its conflicts. */
export function isConflict(error: Error): boolean {
  return error.message.includes(" was in conflict ");
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

/** Adds up what runs, from the time that it is started. */
export class Meter {
  readonly amounts: Amounts = {
    documentsRead: 0,
    documentsWritten: 0,
    bytesRead: 0,
    bytesWritten: 0,
    indexRanges: 0,
    functionCalls: 0,
    writeConflicts: 0,
    otherConflicts: 0,
    failures: 0,
    logEvents: 0,
  };
  /** How often each function ran, and the documents that it read and wrote, by its path. */
  readonly functions: Record<string, FunctionAmounts> = {};
  isRunning = false;

  start(): void {
    this.isRunning = true;
  }

  onEnd(kind: Kind, { path, usage, result }: Ended<unknown>): void {
    this.call(path);
    const hasFailed = kind === "mutation" && "error" in result;
    // What it took has been counted with its last conflict.
    if (!hasFailed || !isConflict(result.error)) this.use(path, usage);
    if (this.isRunning && hasFailed) this.amounts.failures++;
  }

  onConflict(path: string, usage: Usage): void {
    this.use(path, usage);
    if (this.isRunning) this.amounts[WRITES.includes(path) ? "writeConflicts" : "otherConflicts"]++;
  }

  call(path: string): void {
    if (!this.isRunning) return;
    this.amounts.functionCalls++;
    this.of(path).calls++;
  }

  log(lines: number): void {
    if (this.isRunning) this.amounts.logEvents += lines;
  }

  use(path: string, { used }: Usage): void {
    if (!this.isRunning) return;
    this.of(path).documents += used.documentsRead + used.documentsWritten;
    for (const [name, metric] of Object.entries(METRICS)) {
      this.amounts[name as keyof typeof METRICS] += used[metric];
    }
  }

  private of(path: string): FunctionAmounts {
    this.functions[path] ??= { calls: 0, documents: 0 };
    return this.functions[path];
  }
}
