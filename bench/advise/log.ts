import type { LogEntry } from "../../src/cli/functionLog";
import type { Run } from "../costs/player";

/** A run of the model of Convex as an entry of the function log. */
export function toLogEntry({ kind, endedAt, isCached, ended }: Run, index: number): LogEntry {
  const { used } = ended.usage;
  const { result, begunAt } = ended;
  return {
    kind: "Completion",
    udfType: kind === "query" ? "Query" : "Mutation",
    identifier: ended.path,
    componentPath: null,
    logLines: [],
    timestamp: endedAt / 1_000,
    requestId: String(index),
    executionId: String(index),
    cachedResult: isCached,
    caller: "SyncWorker",
    parentExecutionId: null,
    executionTime: (endedAt - begunAt) / 1_000,
    usageStats: {
      databaseReadBytes: used.bytesRead,
      databaseReadDocuments: used.documentsRead,
      databaseWriteBytes: used.bytesWritten,
      databaseWriteDocuments: used.documentsWritten,
    },
    returnBytes: "value" in result ? JSON.stringify(result.value).length : null,
    error: "error" in result ? result.error.message : null,
  };
}
