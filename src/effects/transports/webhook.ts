import { MAX_CLOCK_SKEW_MS, MAX_EVENT_AGE_MS } from "../../times.js";
import { reasonOf } from "../../values/describe.js";
import { environmentVariable, isSigned, PREVIOUS_STREAM_SECRET, STREAM_SECRET } from "../crypto.js";
import { type DispatchCounts, dispatchInChunks } from "../dispatch.js";
import type { Effect } from "../effect.js";
import { sealOf, unsealAll } from "../seal.js";

/** A body without a valid signature is parsed up to this size. A verification is far smaller. */
const MAX_UNSIGNED_BYTES = 16 * 1024;
const MAX_EVENTS = 4_096; // A log stream buffers at most so many events, and posts 128 at a time.
const OWN_TOPICS = ["console", "verification"]; // What a stream for the topic `console` delivers.

type LogEvent = { [Field in "topic" | "timestamp" | "message"]?: unknown } & { function?: { cached?: unknown } | null };

/**
 * Answers one request of the deployment's log stream.
 *
 * - The body is not signed, and has only `verification` events → 200. They do nothing, and come before the secret is
 *   set.
 * - The stream secret is not set → 503.
 * - The signature is missing, malformed or wrong → 401. But while both secrets are equal, a rotation has begun → 503,
 *   so that the stream tries again.
 * - The body is neither a JSON array nor JSON lines → 400.
 * - At least one event is recent → dispatches the effects in all console lines, in chunks → 200. (The body is signed as
 *   a whole.)
 * - All events are old: it is a replay, or has the lines of cached results, which are as old as the results.
 *   Dispatches, from the lines of cached results, the recomputes that are still wanted → 200; without any → 400.
 * - Dispatching fails → 503, so that the stream tries again.
 *
 * It never writes to the console: the log stream would deliver its own lines to it, for ever.
 *
 * @param dispatch - Gets effects, and whether all events are old. If so, it leaves out those that no row wants now.
 * @param note - Gets the topics of a wrong stream: those beside `console`, of which each delivery is an event again.
 */
export async function answerLogStream(
  request: Request,
  dispatch: (effects: Effect[], areOld: boolean) => Promise<DispatchCounts>,
  note: (topics: string) => Promise<unknown>,
): Promise<Response> {
  try {
    const body = await request.arrayBuffer();
    const [, signature = ""] =
      /^sha256=(.+)$/.exec(request.headers.get("x-webhook-signature")?.toLowerCase() ?? "") ?? [];
    const secret = environmentVariable(STREAM_SECRET);
    const previous = environmentVariable(PREVIOUS_STREAM_SECRET);
    const isOurs = await isSigned(body, signature, [secret, previous]);
    const events = isOurs || body.byteLength <= MAX_UNSIGNED_BYTES ? parseEvents(body) : null;
    if (!isOurs) {
      const isProbe = events?.every(({ topic }) => topic === "verification") && events.length > 0;
      if (isProbe) return answer(200, { verified: true });
      if (secret === undefined) {
        return answer(503, { error: `${STREAM_SECRET} is not set; set it to the log stream's hmacSecret.` });
      }
      return answer(secret === previous ? 503 : 401, { error: "x-webhook-signature is missing or wrong." });
    }
    if (events === null) return answer(400, { error: "The body is neither a JSON array nor JSON lines." });
    const areOld = events.length > 0 && !events.some(isRecent);
    const topics = areOld ? "" : foreignTopics(events);
    if (topics) await note(topics);
    // The lines of a cached result have the time of the result, whenever they are sent.
    const lines = areOld ? events.filter((event) => event.function?.cached === true) : events;
    const { effects, forged } = await unsealAll(lines.slice(0, MAX_EVENTS).flatMap(sealsOf));
    const counts = await dispatchInChunks(effects, (chunk) => dispatch(chunk, areOld));
    if (areOld && !Object.values(counts).some(Boolean)) {
      return answer(400, { error: "Every event is too old." });
    }
    return answer(200, { events: events.length, effects: effects.length, forged, ...counts });
  } catch (error) {
    return answer(503, { error: reasonOf(error) });
  }
}

function answer(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

/** The events of a body, which is a JSON array, or has one JSON object a line; null when it is neither. */
function parseEvents(body: ArrayBuffer): LogEvent[] | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body).trim();
    const lines = text.startsWith("[") ? JSON.parse(text) : text.split("\n").map((line) => JSON.parse(line));
    return lines.every((event: unknown) => typeof event === "object" && event !== null) ? lines : null;
  } catch {
    return null;
  }
}

function isRecent({ timestamp }: LogEvent): boolean {
  const age = typeof timestamp === "number" ? Date.now() - timestamp : Infinity;
  return age <= MAX_EVENT_AGE_MS && age >= -MAX_CLOCK_SKEW_MS;
}

/** The topics of a stream beside `console`. It must have none: each delivery is an event of such a topic again. */
function foreignTopics(events: readonly LogEvent[]): string {
  const topics = new Set(events.map(({ topic }) => topic));
  // Topics have short plain names. Anything else is not noted.
  const foreign = [...topics].filter(
    (topic) => typeof topic === "string" && /^[\w.:-]{1,40}$/.test(topic) && !OWN_TOPICS.includes(topic),
  );
  return foreign.sort().slice(0, 5).join(", ");
}

function sealsOf({ topic, message }: LogEvent): string[] {
  const seal = topic === "console" && typeof message === "string" ? sealOf(message) : null;
  return seal === null ? [] : [seal];
}
