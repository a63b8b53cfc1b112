import { type Completion, type LogEntry, sealsIn, type UsageStats } from "../functionLog.js";

/** A completed call of one of the app's queries or mutations. The advice is made from calls. */
export interface Call {
  kind: "query" | "mutation";
  /** Function path, such as `dashboard:stats`. */
  name: string;
  /** When it ended, in ms since 1970. */
  at: number;
  /** Whether the result of a query came from the cache. Then the call has read nothing. */
  isCached: boolean;
  hasFailed: boolean;
  /** Whether it has raised effects of this library: it has read a row that was not fresh, or scheduled work. */
  hasEffects: boolean;
  /** Execution time, in ms. */
  ms: number;
  documentsRead: number;
  bytesRead: number;
  documentsWritten: number;
  bytesWritten: number;
  returnBytes: number;
}

/** Newer releases of Convex have fields of their own for what is billed. */
type Billed = UsageStats & { databaseIoReadBytes?: number; databaseIoWriteBytes?: number };

/** The exports of `lazy.functions()`. */
const LIBRARY = ["recompute", "dispatch", "sweep", "inspect", "heartbeat", "act", "forward", "tail"];
/** A module with so many of these names exports the library's functions. Fewer may be a coincidence. */
const FEWEST_NAMES = 2;

/**
 * The calls of the app's own queries and mutations, in the order in which they ended. The library's functions and
 * Convex's own are left out.
 *
 * @param module - The module that exports the library's functions. Default: found by the names in the log; and `lazy`.
 */
export function callsOf(entries: readonly LogEntry[], module?: string): Call[] {
  const completions = entries.filter(isCall);
  const library = module === undefined ? libraryModules(completions) : [module];
  const isLibrary = (name: string) => library.includes(moduleOf(name)) && LIBRARY.includes(exportOf(name));
  return completions
    .filter(({ identifier }) => !identifier.startsWith("_") && !isLibrary(identifier))
    .map(toCall)
    .sort((a, b) => a.at - b.at);
}

/** Whether a mutation has changed documents. The writes of a failed one were rolled back. */
export function hasWritten({ documentsWritten, hasFailed }: Call): boolean {
  return documentsWritten > 0 && !hasFailed;
}

function isCall(entry: LogEntry): entry is Completion {
  return entry.kind === "Completion" && (entry.udfType === "Query" || entry.udfType === "Mutation");
}

function toCall(entry: Completion): Call {
  const { componentPath, identifier, usageStats } = entry;
  const isCached = entry.cachedResult;
  const usage: Billed = usageStats;
  const { databaseIoReadBytes = usage.databaseReadBytes, databaseIoWriteBytes = usage.databaseWriteBytes } = usage;
  return {
    kind: entry.udfType === "Query" ? "query" : "mutation",
    name: componentPath ? `${componentPath}/${identifier}` : identifier,
    at: entry.timestamp * 1_000,
    isCached,
    hasFailed: entry.error !== null && entry.error !== undefined,
    hasEffects: sealsIn(entry).length > 0,
    ms: entry.executionTime * 1_000,
    documentsRead: isCached ? 0 : amount(usageStats.databaseReadDocuments),
    bytesRead: isCached ? 0 : amount(databaseIoReadBytes),
    documentsWritten: amount(usageStats.databaseWriteDocuments),
    bytesWritten: amount(databaseIoWriteBytes),
    returnBytes: amount(entry.returnBytes),
  };
}

/** A number, or 0 where it is missing: another release of Convex may have written the log. */
function amount(value: unknown): number {
  return typeof value === "number" && value > 0 ? value : 0;
}

function libraryModules(completions: readonly Completion[]): string[] {
  const found = new Map<string, Set<string>>();
  for (const { identifier } of completions) {
    if (!LIBRARY.includes(exportOf(identifier))) continue;
    const names = found.get(moduleOf(identifier)) ?? new Set();
    found.set(moduleOf(identifier), names.add(exportOf(identifier)));
  }
  return ["lazy", ...[...found].filter(([, names]) => names.size >= FEWEST_NAMES).map(([module]) => module)];
}

const moduleOf = (identifier: string) => identifier.split(":")[0] ?? "";
const exportOf = (identifier: string) => identifier.split(":")[1] ?? "";
