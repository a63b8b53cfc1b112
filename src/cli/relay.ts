import { setTimeout as sleep } from "node:timers/promises";
import { EFFECTS_PATH } from "../app/wiring.js";
import { STREAM_SECRET, sign } from "../effects/crypto.js";
import { DEFAULT_WINDOW_MS, SECOND } from "../times.js";
import { toHex } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";
import { backOff, type LogEntry, type LogPage, sealsIn } from "./functionLog.js";
import { CliError, note, warn } from "./output.js";
import { counted } from "./words.js";

/*
 * The relay does what a webhook log stream does: it takes sealed effects out of the function log, and posts them to the
 * route of the library, in signed bodies. It repeats a delivery that fails until the route accepts it, and reads on
 * then.
 */

/** The number of events in one POST, as in those of Convex's own log stream. */
const MOST_EVENTS = 128;
const POST_TIMEOUT_MS = 30 * SECOND;
/**
 * How far back a relay begins, so that it delivers what was raised while it was restarted. An effect that was delivered
 * already is still inside its window then, and is dropped.
 */
const START_BACK_MS = DEFAULT_WINDOW_MS;

/** One console line as a log stream posts it. */
export interface ConsoleEvent {
  topic: "console";
  /** In ms since 1970; of a cached result, when that was computed. */
  timestamp: number;
  function: { path: string; type: string; cached: boolean; request_id: string };
  log_level: "DEBUG";
  message: string;
  is_truncated: false;
}

/** The result of one POST. */
export interface Delivery {
  /** In ms since 1970. */
  at: number;
  events: number;
  status: number;
  /** How long the route took. */
  ms: number;
  /** The route's answer: how many effects it opened, and what it did with them. */
  answer: Record<string, unknown>;
}

/** What a relay needs. */
export interface RelayOptions {
  log: AsyncIterable<LogPage>;
  /** The URL of the deployment's HTTP actions. */
  siteUrl: string;
  /** Returns the secret that signs bodies. It is called again when the route refuses a signature: it may be rotated. */
  secret: () => Promise<string>;
  signal: AbortSignal;
  /** Gets each POST that was answered. */
  onDelivery: (delivery: Delivery) => void;
}

/** Relays until the signal aborts. @throws CliError when the route refuses the signature. */
export async function relay({ log, siteUrl, secret, signal, onDelivery }: RelayOptions): Promise<void> {
  const url = siteUrl + EFFECTS_PATH;
  let signingSecret = await secret();
  let isFirst = true;
  for await (const { entries, gap } of log) {
    if (gap === "overflow")
      warn("The log forgot entries between two polls: effects may be lost. Later reads raise them again.");
    if (gap === "restart")
      note("The function log began anew: effects that it had before may be lost. Later reads raise them again.");
    const from = isFirst ? Date.now() - START_BACK_MS : 0;
    isFirst = false;
    const events = toEvents(entries.filter(({ timestamp }) => timestamp * SECOND >= from));
    for (let start = 0; start < events.length && !signal.aborted; start += MOST_EVENTS) {
      const body = events.slice(start, start + MOST_EVENTS);
      if ((await deliver(url, body, { secret: signingSecret, signal, onDelivery })) !== "unsigned") continue;
      const next = await secret();
      const isTaken =
        next !== signingSecret && (await deliver(url, body, { secret: next, signal, onDelivery })) === "done";
      if (!isTaken && !signal.aborted) throw wrongSecret(url);
      signingSecret = next;
    }
  }
}

/** The seals in the lines of entries as events, each once; of equal seals, the last one counts. */
export function toEvents(entries: readonly LogEntry[]): ConsoleEvent[] {
  const events = new Map<string, ConsoleEvent>();
  for (const entry of entries) {
    // If the lines of the route itself were delivered to it, that would go on for ever.
    if (entry.identifier.endsWith(` ${EFFECTS_PATH}`)) continue;
    for (const seal of sealsIn(entry)) events.set(seal, toEvent(entry, seal));
  }
  return [...events.values()];
}

function toEvent(entry: LogEntry, seal: string): ConsoleEvent {
  const { identifier, udfType, requestId, timestamp } = entry;
  const cached = entry.kind === "Completion" && entry.cachedResult;
  const began = entry.kind === "Completion" && cached ? entry.executionTimestamp : undefined;
  return {
    topic: "console",
    timestamp: Math.floor((began ?? timestamp) * SECOND),
    function: { path: identifier, type: TYPES[udfType], cached, request_id: requestId },
    log_level: "DEBUG",
    message: `'${seal}'`,
    is_truncated: false,
  };
}

const TYPES = { Query: "query", Mutation: "mutation", Action: "action", HttpAction: "http_action" } as const;

type Posting = Pick<RelayOptions, "signal" | "onDelivery"> & { secret: string };

/**
 * Posts a body until the route answers.
 * @returns "unsigned" when the secret is not the deployment's; else "done", also when the route has refused the body.
 */
async function deliver(url: string, events: ConsoleEvent[], { secret, signal, onDelivery }: Posting) {
  const body = JSON.stringify(events);
  const signature = toHex(await sign(body, secret));
  for (let failures = 1; !signal.aborted; failures++) {
    const at = Date.now();
    const { status, text } = await post(url, body, signature);
    if (status > 0) onDelivery({ at, events: events.length, status, ms: Date.now() - at, answer: toAnswer(text) });
    if (status === 401) return "unsigned";
    const mayPass = status === 0 || status === 404 || status === 429 || status >= 500;
    if (!mayPass) {
      // The route answers 400 when no row wants what old lines ask for.
      if (status >= 300 && status !== 400)
        warn(`${url} answered ${status}; ${counted(events.length, "line")} dropped: ${text.slice(0, 200)}`);
      return "done";
    }
    if (failures === 1) warn(`${url} answered ${status || "nothing"}: ${remedyOf(status, text)} Trying again.`);
    await sleep(backOff(failures), undefined, { signal }).catch(() => {});
  }
  return "done";
}

/** Status 0: no answer. */
async function post(url: string, body: string, signature: string): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "x-webhook-signature": `sha256=${signature}` },
      body,
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: 0, text: reasonOf(error) };
  }
}

function toAnswer(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function remedyOf(status: number, text: string): string {
  if (status === 404) return "add lazy.registerRoutes(http) to convex/http.ts, and push it.";
  const { error } = toAnswer(text);
  return typeof error === "string" ? error : `${text.slice(0, 200)}.`;
}

function wrongSecret(url: string): CliError {
  return new CliError(
    `${url} refuses the signature: ${STREAM_SECRET} here is not that of the deployment. ` +
      `Give the relay the deployment's: npx convex env get ${STREAM_SECRET}`,
  );
}
