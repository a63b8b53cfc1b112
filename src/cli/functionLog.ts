import { setTimeout as sleep } from "node:timers/promises";
import { sealOf } from "../effects/seal.js";
import { LOG_SIZE } from "../effects/transports/functionLog.js";
import { reasonOf } from "../values/describe.js";
import { ApiError, type ApiTarget, deploymentFetch, HOW_TO_MAKE_A_KEY } from "./api.js";
import { CliError, warn } from "./output.js";

/*
 * The function log that `npx convex logs` shows: every deployment keeps its last 1,000 completed calls in memory. A
 * poll is answered at once when there are entries after its cursor. Otherwise it is answered when the next one is
 * written, or after 60 s without entries.
 */

/** A line that a function has logged: `[DEBUG] 'text'`, or its parts, for clients that ask for them. */
export type LogLine =
  | string
  | {
      messages: string[];
      level: "LOG" | "DEBUG" | "INFO" | "WARN" | "ERROR";
      /** In ms since 1970. */
      timestamp: number;
      isTruncated: boolean;
      /** The function that wrote the line, if it was called by the entry's function in the same transaction. */
      udfPath?: string | null;
      componentPath?: string | null;
    };

interface EntryOfAnyKind {
  udfType: "Query" | "Mutation" | "Action" | "HttpAction";
  /** Function path, such as `dashboard:stats`. For an HTTP action, its method and path: `POST /lazy-views/effects`. */
  identifier: string;
  /** Null for the functions of the app itself. */
  componentPath: string | null;
  logLines: LogLine[];
  /** In seconds since 1970: when the function ended. */
  timestamp: number;
  requestId: string;
  executionId: string;
}

/** How much a call has read and written. */
export interface UsageStats {
  databaseReadBytes: number;
  databaseReadDocuments: number;
  databaseWriteBytes: number;
  databaseWriteDocuments: number;
}

/** A call of a function that has ended. The lines of actions and HTTP actions are in entries of the kind `Progress`. */
export interface Completion extends EntryOfAnyKind {
  kind: "Completion";
  /** Whether a query's result came from the cache; its lines are then those of the call that computed it. */
  cachedResult: boolean;
  /** What called it, such as `SyncWorker`, `HttpApi`, `HttpEndpoint`, `Scheduler`, `Cron` or `Action`. */
  caller: string;
  /** The action that called it. */
  parentExecutionId: string | null;
  /** In seconds. */
  executionTime: number;
  /** The time on the function's own clock, in seconds since 1970. For a cached result, it is when that was computed. */
  executionTimestamp?: number;
  usageStats: UsageStats;
  returnBytes: number | null;
  error: string | null;
}

/** Lines that an action or HTTP action has written while it runs. */
export interface Progress extends EntryOfAnyKind {
  kind: "Progress";
}

export type LogEntry = Completion | Progress;

/** The answer to one poll. */
export interface LogPage {
  entries: LogEntry[];
  /** Where the next poll goes on: the time of the last entry, in ms since 1970. */
  newCursor: number;
  /**
   * Why entries before this page may be missing: `overflow`, more were written than the log keeps; `restart`, the log
   * began anew, because the deployment restarted. Null when none are missing.
   */
  gap: "overflow" | "restart" | null;
}

const LONG_POLL_MS = 60_000;
/** A poll that takes longer has lost its connection. */
const POLL_TIMEOUT_MS = LONG_POLL_MS + 30_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** The pause between polls, so that a busy deployment answers ten polls a second, and not one for each call. */
const PAUSE_MS = 100;

/** Where to begin, and when to stop. */
export interface LogOptions {
  /**
   * Entries that were written later are read, in ms since 1970. Default: 0, which reads everything that the log has.
   */
  cursor?: number;
  /** Ends the iteration, without an error. */
  signal?: AbortSignal;
  /** Called when a poll has failed and is tried again after `waitMs`. Default: warns of the first failure. */
  onFailure?: (reason: string, waitMs: number, failures: number) => void;
}

/**
 * The live function log, page by page, without an end. When the deployment cannot be reached, or answers 429 or 5xx, it
 * tries again with growing pauses, and goes on where it was.
 *
 * ```ts
 * for await (const { entries } of functionLog(deployment, { signal })) {
 *   for (const { identifier } of entries) print(identifier);
 * }
 * ```
 * @throws CliError with the remedy, when there is no key, the key is refused, or the deployment has no such log.
 */
export async function* functionLog(deployment: ApiTarget, options: LogOptions = {}): AsyncGenerator<LogPage> {
  const { signal, onFailure = warnOnce } = options;
  if (deployment.key === null)
    throw new CliError(`The function log needs a key of the deployment. ${HOW_TO_MAKE_A_KEY}`);
  let cursor = options.cursor ?? 0;
  let last: LogEntry | undefined;
  let failures = 0;
  while (!signal?.aborted) {
    // After a failure, asks for the last entry again. If it is gone, the log began anew.
    const isResuming = failures > 0 && last !== undefined;
    let page: Omit<LogPage, "gap">;
    try {
      page = await poll(deployment, isResuming ? justBefore(cursor) : cursor, signal);
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof CliError) throw error;
      failures++;
      const waitMs = backOff(failures);
      onFailure(reasonOf(error), waitMs, failures);
      await sleep(waitMs, undefined, { ...(signal && { signal }) }).catch(() => {});
      continue;
    }
    failures = 0;
    const [first, ...others] = page.entries;
    const isKnown = isResuming && first !== undefined && isSame(first, last);
    const entries = isKnown ? others : page.entries;
    const isFull = entries.filter(({ kind }) => kind === "Completion").length >= LOG_SIZE;
    const gap = last && isFull ? "overflow" : isResuming && !isKnown ? "restart" : null;
    // The log is new and empty: everything that comes is unread, even if the deployment's clock is behind now.
    cursor = gap === "restart" && entries.length === 0 ? 0 : page.newCursor;
    last = entries.at(-1) ?? last;
    yield { entries, newCursor: cursor, gap };
    await sleep(PAUSE_MS, undefined, { ...(signal && { signal }) }).catch(() => {});
  }
}

/**
 * The entries that are in the log: at most those of the last 1,000 completed calls. Throws what `functionLog` throws.
 */
export async function recentLog(deployment: ApiTarget, signal?: AbortSignal): Promise<LogPage> {
  for await (const page of functionLog(deployment, { ...(signal && { signal }) })) return page;
  return { entries: [], newCursor: 0, gap: null };
}

/** The text of a line, as the function's console formatted it: a string in quotes. */
export function lineText(line: LogLine): string {
  return typeof line === "string" ? line.replace(/^\[[A-Z]+\] /, "") : line.messages.join(" ");
}

/** The sealed effects that an entry carries. */
export function sealsIn({ logLines }: LogEntry): string[] {
  return logLines.map((line) => sealOf(lineText(line))).filter((seal) => seal !== null);
}

/** An entry, from JSON such as that of `npx convex logs --jsonl`; null when it is not an entry of a known kind. */
export function toLogEntry(json: unknown): LogEntry | null {
  if (typeof json !== "object" || json === null) return null;
  const { kind, identifier, logLines, timestamp } = json as Partial<LogEntry>;
  const isEntry = typeof identifier === "string" && typeof timestamp === "number" && Array.isArray(logLines);
  if (!isEntry || !(kind === "Progress" || kind === "Completion")) return null;
  return (json as LogEntry).logLines.every(isLine) ? (json as LogEntry) : null;
}

function isLine(line: unknown): boolean {
  return typeof line === "string" || Array.isArray((line as Partial<Exclude<LogLine, string>> | null)?.messages);
}

/** One poll. @throws CliError, when another poll would fail, too; another Error, when it may succeed. */
async function poll(deployment: ApiTarget, cursor: number, signal?: AbortSignal) {
  const path = `/api/stream_function_logs?cursor=${cursor}`;
  const timeout = AbortSignal.timeout(POLL_TIMEOUT_MS);
  const options = { signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  const response = await deploymentFetch(deployment, path, options).catch((error) => {
    if (error instanceof ApiError) throw error;
    throw new Error(reasonOf(error)); // The deployment did not answer. It may answer soon.
  });
  const { status } = response;
  if (status === 429 || status >= 500) throw new Error(`${deployment.url} answered ${status}`);
  if (status !== 200) {
    const remedy = status === 404 ? "it has no function log there; is this the URL of a Convex deployment?" : "";
    throw new CliError(
      `${deployment.url}${path} answered ${status}: ${remedy || (await response.text()).slice(0, 200)}`,
    );
  }
  const text = await response.text();
  const page = parsePage(text);
  if (page) return page;
  throw new CliError(
    `${deployment.url}${path} answered in a form that this release does not know: ${text.slice(0, 200)}. ` +
      "Update convex-lazy-views.",
  );
}

function parsePage(text: string): { entries: LogEntry[]; newCursor: number } | null {
  try {
    const { entries, newCursor } = JSON.parse(text) as { entries: { kind: unknown }[]; newCursor: unknown };
    // Entries of other kinds may come one day.
    const parsed = entries.filter(({ kind }) => kind === "Completion" || kind === "Progress").map(toLogEntry);
    const known = parsed.filter((entry) => entry !== null);
    return typeof newCursor === "number" && known.length === parsed.length ? { entries: known, newCursor } : null;
  } catch {
    return null;
  }
}

/** The pause after the n-th failure in a row, in ms: half to all of a time that doubles with each failure. */
export function backOff(failures: number): number {
  const most = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS);
  return Math.round(most * (1 - Math.random() / 2));
}

/** The greatest number below a positive one: times of entries are 64-bit floats, and each is greater than the last. */
function justBefore(time: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, time);
  view.setBigUint64(0, view.getBigUint64(0) - 1n);
  return view.getFloat64(0);
}

function isSame(a: LogEntry, b: LogEntry | undefined): boolean {
  const nameOf = ({ kind, executionId, timestamp, logLines }: LogEntry) =>
    JSON.stringify([kind, executionId, timestamp, logLines]);
  return b !== undefined && nameOf(a) === nameOf(b);
}

function warnOnce(reason: string, _waitMs: number, failures: number): void {
  if (failures === 1) warn(`The function log cannot be read just now (${reason}); trying again.`);
}
