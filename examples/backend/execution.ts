import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes, randomUUID } from "node:crypto";
import type { JSONValue } from "convex/values";
import { type LogLevel, type LogLine, logLine, MAX_LOG_LINES } from "./console";
import type { Environment, EnvironmentVariable } from "./environment";
import type { FunctionFailure } from "./errors";
import type { Bandwidth } from "./metrics";
import { ALL_VARIABLES, type ReadSet } from "./readSet";
import type { MetDocument } from "./recorder";

/** The kinds of Convex functions. */
export type UdfType = "query" | "mutation" | "action" | "httpAction";

/**
 * Who started a function: a client over the sync protocol, an HTTP request (to `/api/…` or
 * to an HTTP action), the scheduler, or another function.
 */
export type Caller = "client" | "http" | "scheduler" | "function";

/** Whom a function runs for, as the function log says: anybody, or the holder of a key of the deployment. */
export type IdentityType = "unknown" | "instance_admin";

/** A request to run a function, from when it arrives to when its function starts. */
export interface Entry {
  kind: "entry";
  caller: Caller;
  identityType: IdentityType;
  requestId: string;
  /** The execution that it led to. */
  execution: Execution | null;
  /** Whether its caller waits for it, and reports its outcome. */
  awaited: boolean;
  /** For an HTTP action: the request itself. */
  request?: Request;
  /** For a scheduled function: what its job does with its timer and its failure. */
  job?: {
    onTimer(start: (onFire: () => void) => NodeJS.Timeout): NodeJS.Timeout;
    onFailure(error: unknown): void;
  };
}

/** What the code that runs now belongs to. */
export const frames = new AsyncLocalStorage<Entry | Execution>();

/** One run of a function. */
export class Execution {
  readonly kind = "execution";
  readonly id = newExecutionId();
  readonly startedAt = Date.now();
  private readonly startedTick = performance.now();
  /** The console lines of this run and of those nested in its transaction. */
  readonly lines: LogLine[] = [];
  finished = false;
  /** Whether the deployment restarted while it ran: its code goes no further. */
  interrupted = false;
  /** For a mutation whose changes are settled: the timestamp they have. */
  committedTs: bigint | null = null;
  /** For a query that has ended: what it depends on. */
  reads: ReadSet | null = null;
  /** The environment variables that were read in this run and in those nested in its transaction. */
  readonly variables = new Set<string>();
  /** For a query or mutation that has ended: what its transaction read and wrote. */
  bandwidth: (() => Bandwidth) | null = null;
  /** The same, document by document. */
  documents: (() => MetDocument[]) | null = null;

  /** Rejects when something fails in the function that its code does not wait for. */
  readonly failed: Promise<never>;
  private reject: (reason: unknown) => void = () => {};

  constructor(
    private readonly environment: Environment,
    readonly udfType: UdfType,
    /** Where its code is. */
    readonly component: string,
    /** Its path in the deployment, which for a component's function begins with the component's. */
    readonly path: string,
    /** Who started it, and the action that called it, if one did. */
    readonly origin: {
      caller: Caller;
      identityType: IdentityType;
      requestId: string;
      parentExecutionId: string | null;
      /** The path of the function that called it, if one did. */
      parent?: string;
    },
    readonly args: JSONValue,
    /** The execution whose transaction this one is part of; itself when it has its own. */
    readonly outermost: Execution | null = null,
    /** Hears each console line at once, for functions that may run long. */
    private readonly onLine: ((line: LogLine) => void) | null = null,
  ) {
    this.failed = new Promise((_resolve, reject) => {
      this.reject = reject;
    });
    this.failed.catch(() => {});
  }

  /** Fails with what no code has caught. No effect once the function has ended. */
  fail(reason: unknown): void {
    this.reject(reason);
  }

  /** Whether functions called from here run in this execution's transaction. */
  get isTransaction(): boolean {
    return this.udfType === "query" || this.udfType === "mutation";
  }

  get durationMs(): number {
    return performance.now() - this.startedTick;
  }

  /** What a function finds in `process.env`. The execution depends on it from now on. */
  readVariable(name: string): string | undefined {
    (this.outermost ?? this).variables.add(name);
    return this.environment.get(name);
  }

  /** All environment variables. The execution depends on what they are, from now on. */
  listVariables(): EnvironmentVariable[] {
    (this.outermost ?? this).variables.add(ALL_VARIABLES);
    return this.environment.list();
  }

  /** Writes to the log. As in Convex, the last line that fits says that others are missing. */
  log(level: LogLevel, args: readonly unknown[], writer: Execution = this): void {
    if (this.outermost !== null) {
      this.outermost.log(level, args, writer);
      return;
    }
    if (this.lines.length >= MAX_LOG_LINES) return;
    const line =
      this.lines.length < MAX_LOG_LINES - 1 ? logLine(level, args, writer.path, writer.component) : overflowLine(this);
    this.lines.push(line);
    this.onLine?.(line);
  }
}

/** How a function ended. */
export type Outcome = { success: true; value: JSONValue } | { success: false; failure: FunctionFailure };

/** A request from outside whose sender waits for the answer. */
export function newEntry(
  caller: "client" | "http",
  { request, identityType = "unknown" }: { request?: Request; identityType?: IdentityType } = {},
): Entry {
  const entry: Entry = {
    kind: "entry",
    caller,
    identityType,
    requestId: newRequestId(),
    execution: null,
    awaited: true,
  };
  return request === undefined ? entry : { ...entry, request };
}

/** An id as Convex gives each request. */
export function newRequestId(): string {
  return randomBytes(8).toString("hex");
}

/** An id as Convex gives each run of a function. */
export function newExecutionId(): string {
  return randomUUID();
}

function overflowLine({ path, component }: Execution): LogLine {
  const message = `Log overflow (maximum ${MAX_LOG_LINES}). Remaining log lines omitted.`;
  return { ...logLine("ERROR", [], path, component), messages: [message], message };
}
