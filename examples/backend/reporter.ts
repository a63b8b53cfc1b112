import type { JSONValue } from "convex/values";
import type { QueryResult } from "./cache";
import type { LogLine } from "./console";
import { type Caller, type IdentityType, newExecutionId, newRequestId, type Outcome, type UdfType } from "./execution";
import type { FunctionLog } from "./functionLog/log";
import { consoleEvent, executionEvent } from "./logStream/events";
import type { LogStreams } from "./logStream/streams";
import type { Bandwidth } from "./metrics";
import type { MetDocument } from "./recorder";
import type { Trace } from "./trace";

/** How the trace shows console messages, results and documents. Default: messages and results are unchanged. */
export interface Readable {
  readable?: (message: string) => string;
  readableResult?: (result: JSONValue) => JSONValue;
  /** The trace's note about a document that a transaction read or wrote. Default: none. */
  noteOf?: (document: MetDocument) => JSONValue | undefined;
}

/** The fields that every report of a function has. */
export interface ReportedFunction {
  udfType: UdfType;
  /** Its path in the deployment; for a component's function it begins with the component's path. */
  path: string;
  component: string;
  caller: Caller;
  identityType: IdentityType;
  /** The path of the function that called it. */
  parent?: string;
  requestId: string;
  executionId: string;
  /** The action that called it, if any. */
  parentExecutionId: string | null;
  args: JSONValue;
  cached: boolean;
}

/** One run of a function. */
export interface Run {
  outcome: Outcome;
  /** When the function's code ran, in milliseconds since 1970: for a cached result, its first run. */
  startedAt: number;
  /** How long its caller waited. */
  durationMs: number;
  /** How long its code ran. */
  userDurationMs: number;
  lines: readonly LogLine[];
  /** Counts what it read and wrote. Null when it has no transaction of its own, or did not run. */
  bandwidth: (() => Bandwidth) | null;
  documents?: (() => MetDocument[]) | null;
}

/** Reports runs of functions to the trace, the function log and the log streams. */
export class Reporter {
  /** @param shown - How the trace shows messages and results; the logs get them unchanged. */
  constructor(
    private readonly trace: Trace,
    private readonly functionLog: FunctionLog,
    private readonly logStreams: LogStreams,
    private readonly shown: Readable = {},
  ) {}

  /** Reports the end of a function that is not part of another's transaction. */
  completion(source: ReportedFunction, run: Run): void {
    if (isSystem(source.path)) return;
    if (source.udfType === "query" || source.udfType === "mutation") this.lines(source, run.lines);
    this.execution(source, run);
    this.functionLog.append({ kind: "Completion", source, run, loggedAt: Date.now() });
    if (this.logStreams.isActive) this.logStreams.push([executionEvent(source, run)]);
  }

  /** Reports the end of a function to the trace only. Call it for one that is part of another's transaction. */
  execution(source: ReportedFunction, run: Run): void {
    const { outcome, durationMs } = run;
    if (isSystem(source.path)) return;
    const { udfType, path, caller, parent, cached, requestId, args } = source;
    this.trace.emit({
      type: "execution",
      udfType,
      path,
      caller,
      ...(parent !== undefined && { parent }),
      cached,
      requestId,
      args,
      ...(outcome.success
        ? { result: this.shown.readableResult?.(outcome.value) ?? outcome.value }
        : { error: outcome.failure.message }),
      durationMs,
      ...this.usage(source, run),
    });
  }

  /** The trace's fields about a transaction's documents. It counts only where needed: a count can take long. */
  private usage({ udfType, caller }: ReportedFunction, { bandwidth, documents }: Run) {
    const { noteOf } = this.shown;
    if (noteOf === undefined || !bandwidth || !documents) return {};
    const notes = documents()
      .map(noteOf)
      .filter((note) => note !== undefined);
    const isCounted = udfType === "query" || caller === "scheduler";
    return { ...(isCounted && { documentsRead: bandwidth().documentsRead }), ...(notes.length > 0 && { notes }) };
  }

  /** Reports a line that an action wrote. */
  progress(source: ReportedFunction, startedAt: number, line: LogLine): void {
    this.lines(source, [line]);
    this.functionLog.append({ kind: "Progress", source, startedAt, line });
  }

  /** Reports an answer of the cache: the query's console lines appear again, under a new request. */
  replay(result: QueryResult, caller: Caller): void {
    const { path, component, identityType, args, outcome, lines, startedAt, durationMs } = result;
    const source: ReportedFunction = {
      udfType: "query",
      path,
      component,
      caller,
      identityType,
      requestId: newRequestId(),
      executionId: newExecutionId(),
      parentExecutionId: null,
      args,
      cached: true,
    };
    this.completion(source, { outcome, startedAt, durationMs: 0, userDurationMs: durationMs, lines, bandwidth: null });
  }

  private lines(source: ReportedFunction, lines: readonly LogLine[]): void {
    const { udfType, requestId, cached } = source;
    for (const { path, level, message, truncated } of lines) {
      this.trace.emit({
        type: "console",
        path,
        udfType,
        requestId,
        cached,
        level,
        message: this.shown.readable?.(message) ?? message,
        truncated,
      });
    }
    if (this.logStreams.isActive) this.logStreams.push(lines.map((line) => consoleEvent(source, line)));
  }
}

/** Whether a function is the deployment's own. As in Convex, those are not reported. */
function isSystem(path: string): boolean {
  return /(^|\/)_system\//.test(path);
}
