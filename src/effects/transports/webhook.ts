import { MAX_CLOCK_SKEW_MS, MAX_EVENT_AGE_MS } from "../../times.js";
import { reasonOf } from "../../values/describe.js";
import { type DispatchCounts, dispatchInChunks } from "../dispatch.js";
import { collapse, type Effect } from "../effect.js";
import { findSeals } from "../seal.js";
import { environmentVariable, STREAM_SECRET } from "../secrets.js";
import { verify } from "../sign.js";
import { unsealAll } from "./sealing.js";

/** The body of a verification is far smaller: a larger one is not parsed before its signature is known. */
const MAX_VERIFICATION_BYTES = 16 * 1024;

interface LogEvent {
  topic?: unknown;
  timestamp?: unknown;
  message?: unknown;
  function?: { cached?: unknown } | null;
}

/** A topic's name is no longer than this. */
const MAX_TOPIC_LENGTH = 40;

/** Topics of events that a stream for the topic `console` delivers. */
const OWN_TOPICS = ["console", "verification"];

/**
 * Answers one request of the deployment's webhook log stream.
 *
 * In this order: no stream secret → 503. A signature that is missing, malformed or wrong → 401. (In both cases a
 * body of nothing but `verification` events is answered 200: it does nothing, and comes before the secret can be
 * known.) Not JSON, nor JSON lines → 400. Only events that are too old → 400; lines of cached results have no age.
 * Else our lines are picked out of the console events, each is verified, equal effects are collapsed, and `dispatch`
 * is called once per chunk; if that fails → 503, so that the stream tries again.
 *
 * Topics that loop, of a stream that is not for `console` alone, are handed to `note`.
 *
 * It never writes to the console: its own lines would be delivered to it, for ever.
 */
export async function answerLogStream(
  request: Request,
  dispatch: (effects: Effect[]) => Promise<DispatchCounts>,
  note: (topics: string) => Promise<void> = async () => {},
): Promise<Response> {
  try {
    const body = await request.arrayBuffer();
    const secret = environmentVariable(STREAM_SECRET);
    const signature = request.headers.get("x-webhook-signature");
    if (secret === undefined || !(await isSigned(body, signature, secret))) {
      if (isVerification(body)) return answer(200, { verified: true });
      if (secret === undefined) {
        return answer(503, {
          error: `${STREAM_SECRET} is not set: set it to the hmacSecret of the log stream.`,
        });
      }
      return answer(401, { error: "The header x-webhook-signature does not sign this body." });
    }
    const events = parseEvents(body);
    if (events === null) {
      return answer(400, { error: "The body is neither a JSON array of events nor JSON lines." });
    }
    const recent = events.filter(isRecent);
    if (recent.length === 0 && events.length > 0) {
      return answer(400, { error: "Every event of this body is too old." });
    }
    const topics = foreignTopics(recent);
    if (topics !== "") await note(topics);
    const { effects, forged } = await pickEffects(recent);
    const counts = await dispatchInChunks(effects, dispatch);
    return answer(200, { events: events.length, effects: effects.length, forged, ...counts });
  } catch (error) {
    return answer(503, { error: reasonOf(error) });
  }
}

function answer(status: number, body: Record<string, unknown>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json" },
  });
}

const SIGNATURE = /^sha256=([0-9a-f]{64})$/i;

/** Topics that a stream for our route must not have: each delivery is itself an event of theirs. */
function foreignTopics(events: readonly LogEvent[]): string {
  const topics = new Set(events.map(({ topic }) => topic).filter((topic) => isTopic(topic)));
  return [...topics]
    .filter((topic) => !OWN_TOPICS.includes(topic))
    .map((topic) => topic.slice(0, MAX_TOPIC_LENGTH))
    .sort()
    .slice(0, 5)
    .join(", ");
}

/** Topics have plain names; anything else is not worth a note. */
function isTopic(value: unknown): value is string {
  return typeof value === "string" && /^[\w.:-]+$/.test(value);
}

async function isSigned(body: ArrayBuffer, header: string | null, secret: string) {
  const hex = SIGNATURE.exec(header ?? "")?.[1];
  if (hex === undefined) return false;
  const signature = Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  return await verify(body, signature, secret);
}

/** The events of a body, a JSON array or a JSON object a line; null when it is neither. */
function parseEvents(body: ArrayBuffer): LogEvent[] | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body).trim();
    const parsed: unknown = text.startsWith("[") ? JSON.parse(text) : text.split("\n").map((line) => JSON.parse(line));
    return Array.isArray(parsed) && parsed.every((e) => typeof e === "object" && e !== null) ? parsed : null;
  } catch {
    return null;
  }
}

/** A new stream is probed before its secret can be known: with events that ask for nothing. */
function isVerification(body: ArrayBuffer): boolean {
  if (body.byteLength > MAX_VERIFICATION_BYTES) return false;
  const events = parseEvents(body) ?? [];
  return events.length > 0 && events.every(({ topic }) => topic === "verification");
}

/** Lines of a cached result are as old as the result; nobody knows when they were sent again. */
function isRecent({ timestamp, function: source }: LogEvent): boolean {
  if (source?.cached === true) return true;
  const age = typeof timestamp === "number" ? Date.now() - timestamp : Number.NaN;
  return age <= MAX_EVENT_AGE_MS && age >= -MAX_CLOCK_SKEW_MS;
}

async function pickEffects(events: LogEvent[]): Promise<{ effects: Effect[]; forged: number }> {
  const seals = new Set<string>();
  for (const { topic, message } of events) {
    if (topic !== "console" || typeof message !== "string") continue;
    for (const line of findSeals(message)) seals.add(line);
  }
  const { effects, forged } = await unsealAll([...seals]);
  return { effects: collapse(effects), forged };
}
