import { type Call, hasWritten } from "./calls.js";
import { estimateRecomputes, type Recomputes } from "./recomputes.js";

/** What a log shows of the queries of an app. */
export interface Observation {
  /** The time of the first call and that of the last one, in ms since 1970. */
  from: number;
  until: number;
  /** The number of calls of queries and mutations. */
  calls: number;
  /** The number of mutations that wrote. */
  mutations: number;
  documentsWritten: number;
  /** The query that has read the most documents first. */
  queries: ObservedQuery[];
}

/** The calls of one query, added up. */
export interface ObservedQuery {
  /** Function path, such as `dashboard:stats`. */
  name: string;
  /** Runs: calls whose result did not come from the cache. */
  runs: number;
  /** Calls whose result came from the cache. */
  cached: number;
  /** The documents that all runs have read. */
  documents: number;
  bytes: number;
  /** The execution time of all runs, in ms. */
  ms: number;
  /** The mean size of its result, in bytes. */
  returnBytes: number;
  /** Whether one of the calls has raised effects of this library. */
  hasEffects: boolean;
  recomputes: Recomputes;
}

/**
 * Adds the calls up.
 *
 * @param calls - In the order in which they ended.
 * @param options.until - When the log was last looked at, in ms since 1970. Default: when the last call ended.
 */
export function observe(calls: readonly Call[], options: { windowMs: number; until?: number }): Observation {
  const { windowMs, until } = options;
  const from = calls[0]?.at ?? 0;
  const writes = calls.filter((call) => call.kind === "mutation" && hasWritten(call));
  const names = new Set(calls.filter(({ kind }) => kind === "query").map(({ name }) => name));
  const queries = [...names].map((name) => {
    const own = calls.filter((call) => call.kind === "query" && call.name === name);
    const runs = own.filter(({ isCached }) => !isCached);
    const written = calls.filter((call) => call.kind === "mutation" || call.name === name);
    return {
      name,
      runs: runs.length,
      cached: own.length - runs.length,
      documents: sum(runs, "documentsRead"),
      bytes: sum(runs, "bytesRead"),
      ms: sum(runs, "ms"),
      returnBytes: own.length === 0 ? 0 : sum(own, "returnBytes") / own.length,
      hasEffects: own.some(({ hasEffects }) => hasEffects),
      recomputes: estimateRecomputes(written, windowMs),
    };
  });
  return {
    from,
    until: Math.max(until ?? 0, calls.at(-1)?.at ?? 0),
    calls: calls.length,
    mutations: writes.length,
    documentsWritten: sum(writes, "documentsWritten"),
    queries: queries.sort((a, b) => b.documents - a.documents || b.bytes - a.bytes || (a.name < b.name ? -1 : 1)),
  };
}

type Amount = "documentsRead" | "bytesRead" | "documentsWritten" | "ms" | "returnBytes";

function sum(calls: readonly Call[], amount: Amount): number {
  return calls.reduce((total, call) => total + call[amount], 0);
}
