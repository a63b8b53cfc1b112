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
 * What started a function: a client over the sync protocol, an HTTP request (to `/api/…` or
 * to an HTTP action), the scheduler, or another function.
 */
export type Caller = "client" | "http" | "scheduler" | "function";

/** The identity in the function log: a client without a key, or the holder of a key of the deployment. */
export type IdentityType = "unknown" | "instance_admin";

/** A request to run a function, until the function starts. */
export interface Entry {
  kind: "entry";
  caller: Caller;
  identityType: IdentityType;
  requestId: string;
  /** The execution that it led to. */
  execution: Execution | null;
  /** Whether its caller waits for the function, and reports the outcome. */
  awaited: boolean;
  /** For an HTTP action: the request itself. */
  request?: Request;
  /** For a scheduled function: how its job handles its timer and its failure. */
  job?: {
    onTimer(start: (onFire: () => void) => NodeJS.Timeout): NodeJS.Timeout;
    onFailure(error: unknown): void;
  };
}

/** The request or the execution that the running code belongs to. */
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
  /** Whether the deployment restarted while it ran. Its code then stops at its next call or timer. */
  interrupted = false;
  /** For a mutation that has committed: the timestamp of its changes. */
  committedTs: bigint | null = null;
  /** For a query that has ended: what it depends on. */
  reads: ReadSet | null = null;
  /** The environment variables that were read in this run and in those nested in its transaction. */
  readonly variables = new Set<string>();
  /** For a query or mutation that has ended: what its transaction read and wrote. */
  bandwidth: (() => Bandwidth) | null = null;
  /** The same, document by document. */
  documents: (() => MetDocument[]) | null = null;

  /** Rejects when something fails that the function's code does not await. */
  readonly failed: Promise<never>;
  private reject: (reason: unknown) => void = () => {};

  constructor(
    private readonly environment: Environment,
    readonly udfType: UdfType,
    /** The component that its code belongs to. */
    readonly component: string,
    /** Its path in the deployment; for a component's function it begins with the component's path. */
    readonly path: string,
    /** What started it, and the action that called it, if any. */
    readonly origin: {
      caller: Caller;
      identityType: IdentityType;
      requestId: string;
      parentExecutionId: string | null;
      /** The path of the function that called it, if any. */
      parent?: string;
    },
    readonly args: JSONValue,
    /** The execution whose transaction this one is part of; itself when it has its own. */
    readonly outermost: Execution | null = null,
    /** Called at once for each console line, for functions that may run long. */
    private readonly onLine: ((line: LogLine) => void) | null = null,
  ) {
    this.failed = new Promise((_resolve, reject) => {
      this.reject = reject;
    });
    this.failed.catch(() => {});
  }

  /** Fails the function with an error that its code has not caught. Does nothing once the function has ended. */
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

  /** A variable's value in `process.env`. From now on, the execution depends on it. */
  readVariable(name: string): string | undefined {
    (this.outermost ?? this).variables.add(name);
    return this.environment.get(name);
  }

  /** All environment variables. From now on, the execution depends on all of them. */
  listVariables(): EnvironmentVariable[] {
    (this.outermost ?? this).variables.add(ALL_VARIABLES);
    return this.environment.list();
  }

  /** Writes a line to the log. As in Convex, the last line that fits says that further lines are missing. */
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

/** A request from a client that waits for the answer. */
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

export function newRequestId(): string {
  return randomBytes(8).toString("hex");
}

export function newExecutionId(): string {
  return randomUUID();
}

function overflowLine({ path, component }: Execution): LogLine {
  const message = `Log overflow (maximum ${MAX_LOG_LINES}). Remaining log lines omitted.`;
  return { ...logLine("ERROR", [], path, component), messages: [message], message };
}
