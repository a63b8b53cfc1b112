import { getConvexSize, jsonToConvex } from "convex/values";
import { ROOT } from "../components";
import type { LogLine } from "../console";
import { canonicalPath, pathInside } from "../functionLog/json";
import { DEPLOYMENT_NAME } from "../http/keys";
import type { ReportedFunction, Run } from "../reporter";

/** The topics of log streams. This backend has events only for the first two. */
export const LOG_TOPICS = [
  "console",
  "function_execution",
  "audit_log",
  "scheduler_stats",
  "scheduled_job_lag",
  "current_storage_usage",
  "concurrency_stats",
  "storage_api_bandwidth",
  "log_stream_egress",
  "custom_audit",
] as const;

export type LogTopic = (typeof LOG_TOPICS)[number];

/** One event, as it is delivered. */
export interface LogEvent extends Record<string, unknown> {
  topic: LogTopic | "verification";
  /** Milliseconds since 1970. */
  timestamp: number;
}

/** The fields of a function that its log events have. */
export type LogSource = Pick<ReportedFunction, "udfType" | "path" | "component" | "requestId" | "cached">;

const DEPLOYMENT = {
  deployment_name: DEPLOYMENT_NAME,
  deployment_type: "dev",
  deployment_ref: null,
  project_name: null,
  project_slug: null,
  deployment_region: null,
};

/** The event that tries a new stream's endpoint. */
export function verificationEvent(): LogEvent {
  return { topic: "verification", timestamp: Date.now(), message: "Convex connection test", convex: DEPLOYMENT };
}

/** A line that a function wrote. It keeps its time when the cache repeats it. */
export function consoleEvent(source: LogSource, line: LogLine): LogEvent {
  const { path, component, timestamp, level, message, truncated } = line;
  const name = path === source.path ? pathInside(component, path) : canonicalPath(pathInside(component, path));
  return {
    timestamp,
    topic: "console",
    function: functionJson(source, name, component),
    log_level: level,
    message,
    is_truncated: truncated,
    system_code: null,
    convex: DEPLOYMENT,
  };
}

/** A function that ended. */
export function executionEvent(source: ReportedFunction, run: Run): LogEvent {
  const { outcome, durationMs, userDurationMs, bandwidth } = run;
  const { documentsRead = 0, bytesRead = 0, documentsWritten = 0, bytesWritten = 0 } = bandwidth?.() ?? {};
  return {
    timestamp: Date.now(),
    topic: "function_execution",
    function: functionJson(source, pathInside(source.component, source.path), source.component),
    execution_time_ms: Math.floor(durationMs),
    user_execution_time_ms: Math.floor(userDurationMs),
    status: outcome.success ? "success" : "failure",
    error_message: outcome.success ? null : `${outcome.failure.message}\n`,
    occ_info: null,
    will_retry: false,
    usage: {
      database_read_bytes: bytesRead,
      database_write_bytes: bytesWritten,
      database_read_documents: documentsRead,
      database_write_documents: documentsWritten,
      function_returns_bytes: outcome.success ? getConvexSize(jsonToConvex(outcome.value)) : null,
    },
    convex: DEPLOYMENT,
  };
}

function functionJson({ udfType, requestId, cached }: LogSource, path: string, component: string) {
  return {
    path,
    type: udfType === "httpAction" ? "http_action" : udfType,
    cached: udfType === "mutation" ? null : cached,
    request_id: requestId,
    mutation_queue_length: null,
    mutation_retry_count: udfType === "mutation" ? 0 : null,
    ...(component === ROOT ? {} : { component_path: component }),
  };
}
