import { getConvexSize, jsonToConvex } from "convex/values";
import { type LogLine, prettyLine } from "../console";
import type { Caller, Outcome, UdfType } from "../execution";
import type { ReportedFunction, Run } from "../reporter";
import type { Completion, LogPart, Progress } from "./log";

/** How an endpoint writes entries. */
export interface EntryForm {
  /** Whether lines are objects, for clients that take them, or strings such as `[LOG] 'text'`. */
  structured: boolean;
  /** Whether an action's completion has its lines. False where its progress entries have them. */
  withActionLines: boolean;
}

const UDF_TYPES = { query: "Query", mutation: "Mutation", action: "Action", httpAction: "HttpAction" } as const;

/** An entry as Convex's function log writes it. Times are in seconds. */
export function entryJson(part: LogPart, form: EntryForm): Record<string, unknown> {
  return part.kind === "Progress" ? progressJson(part, form) : completionJson(part, form);
}

function progressJson({ source, startedAt, line }: Progress, { structured }: EntryForm): Record<string, unknown> {
  return {
    kind: "Progress",
    ...identityJson(source),
    timestamp: startedAt / 1_000,
    logLines: [structured ? structuredLine(source, line) : prettyLine(line)],
  };
}

function completionJson(completion: Completion, form: EntryForm): Record<string, unknown> {
  const { source, run, loggedAt } = completion;
  const { outcome, startedAt, durationMs, userDurationMs } = run;
  const isHttp = source.udfType === "httpAction";
  const hasLines = form.withActionLines || source.udfType === "query" || source.udfType === "mutation";
  const lines = hasLines ? run.lines : [];
  return {
    kind: "Completion",
    ...identityJson(source),
    logLines: lines.map((line) => (form.structured ? structuredLine(source, line) : prettyLine(line))),
    timestamp: loggedAt / 1_000,
    cachedResult: source.cached,
    caller: callerName(source.caller, source.udfType),
    parentExecutionId: source.parentExecutionId,
    executionTime: durationMs / 1_000,
    userExecutionTime: userDurationMs / 1_000,
    success: isHttp && outcome.success ? { status: String((outcome.value as { status: number }).status) } : null,
    error: outcome.success ? null : `${outcome.failure.message}\n`,
    usageStats: usageJson(run),
    returnBytes: isHttp ? null : returnBytes(outcome),
    occInfo: null,
    willRetry: false,
    executionTimestamp: startedAt / 1_000,
    identityType: source.identityType,
    environment: "isolate",
  };
}

function identityJson({ udfType, component, path, requestId, executionId }: ReportedFunction) {
  return {
    udfType: UDF_TYPES[udfType],
    componentPath: component === "" ? null : component,
    identifier: pathInside(component, path),
    requestId,
    executionId,
  };
}

/** A line as an object. If a nested function of the transaction wrote it, it names that function. */
function structuredLine(source: ReportedFunction, line: LogLine): Record<string, unknown> {
  const { level, messages, truncated, timestamp, component, path } = line;
  return {
    messages,
    isTruncated: truncated,
    timestamp,
    level,
    systemMetadata: null,
    ...(path === source.path ? {} : { componentPath: component, udfPath: canonicalPath(pathInside(component, path)) }),
  };
}

/** The log's name for what started a function. */
function callerName(caller: Caller, udfType: UdfType): string {
  switch (caller) {
    case "client":
      return "SyncWorker";
    case "http":
      return udfType === "httpAction" ? "HttpEndpoint" : "HttpApi";
    case "scheduler":
      return "Scheduler";
    case "function":
      return "Action";
  }
}

/** A run's `usageStats`. Values that this backend does not know are 0. */
function usageJson({ bandwidth }: Run): Record<string, number> {
  const { documentsRead = 0, bytesRead = 0, documentsWritten = 0, bytesWritten = 0 } = bandwidth?.() ?? {};
  return {
    databaseReadBytes: bytesRead,
    databaseWriteBytes: bytesWritten,
    databaseIoReadBytes: bytesRead,
    databaseIoWriteBytes: bytesWritten,
    databaseReadDocuments: documentsRead,
    databaseWriteDocuments: documentsWritten,
    storageReadBytes: 0,
    storageWriteBytes: 0,
    vectorIndexReadBytes: 0,
    vectorIndexWriteBytes: 0,
    textIndexQueryBytes: 0,
    textIndexWriteQueryBytes: 0,
    vectorIndexReadQueryBytes: 0,
    vectorIndexWriteQueryBytes: 0,
    networkEgressBytes: 0,
    memoryUsedMb: 64,
  };
}

function returnBytes(outcome: Outcome): number | null {
  return outcome.success ? getConvexSize(jsonToConvex(outcome.value)) : null;
}

/** A function's path inside its component. */
export function pathInside(component: string, path: string): string {
  return component === "" ? path : path.slice(component.length + 1);
}

/** The path with its file, `messages.js:send`: Convex names nested functions of a transaction so. */
export function canonicalPath(path: string): string {
  const [module, name = "default"] = path.split(":");
  return `${module}.js:${name}`;
}
