import type { JSONValue } from "convex/values";
import type { QueryResult } from "./cache";
import type { LogLine } from "./console";
import { type Caller, newRequestId, type Outcome, type UdfType } from "./execution";
import type { LogStream } from "./logStream";
import type { Trace } from "./trace";

/** What is said about a function each time it is reported. */
export interface ReportedFunction {
  udfType: UdfType;
  path: string;
  caller: Caller;
  /** The path of the function that called it. */
  parent?: string;
  requestId: string;
  args: JSONValue;
  cached: boolean;
}

/** Tells the trace, and the log stream when there is one, what functions did. */
export class Reporter {
  /** Set when the deployment has a log stream. */
  logStream: LogStream | null = null;

  /** @param readable - Says how the trace shows a console message; the log stream gets it as it is. */
  constructor(
    private readonly trace: Trace,
    private readonly readable = (message: string) => message,
  ) {}

  /** A function ended. */
  execution(source: ReportedFunction, outcome: Outcome, durationMs: number): void {
    this.trace.emit({
      type: "execution",
      ...source,
      ...(outcome.success ? { result: outcome.value } : { error: outcome.failure.message }),
      durationMs,
    });
  }

  /** A function wrote to its console. */
  lines(source: ReportedFunction, lines: readonly LogLine[]): void {
    const { udfType, requestId, cached } = source;
    for (const { path, level, message, truncated } of lines) {
      this.trace.emit({
        type: "console",
        path,
        udfType,
        requestId,
        cached,
        level,
        message: this.readable(message),
        truncated,
      });
    }
    this.logStream?.push(source, lines);
  }

  /** The cache answered for a query: its console lines appear again, under a new request. */
  replay(result: QueryResult, caller: Caller): void {
    const source: ReportedFunction = {
      udfType: "query",
      path: result.path,
      caller,
      requestId: newRequestId(),
      args: result.args,
      cached: true,
    };
    this.lines(source, result.lines);
    this.execution(source, result.outcome, 0);
  }
}
