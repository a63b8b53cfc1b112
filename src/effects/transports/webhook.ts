import { MAX_CLOCK_SKEW_MS, MAX_EVENT_AGE_MS } from "../../times.js";
import { reasonOf } from "../../values/describe.js";
import { environmentVariable, isSigned, PREVIOUS_STREAM_SECRET, STREAM_SECRET } from "../crypto.js";
import { type DispatchCounts, dispatchInChunks } from "../dispatch.js";
import type { Effect } from "../effect.js";
import { sealOf, unsealAll } from "../seal.js";

/** A body that is not signed is parsed up to this size: that of a verification is far smaller. */
const MAX_UNSIGNED_BYTES = 16 * 1024;
const MAX_EVENTS = 4_096; // A log stream buffers no more events than this, and posts 128 at a time.
const OWN_TOPICS = ["console", "verification"]; // What a stream for the topic `console` delivers.

type LogEvent = { [Field in "topic" | "timestamp" | "message"]?: unknown } & { function?: { cached?: unknown } | null };

/**
 * Answers one request of the deployment's log stream.
 *
 * - No stream secret → 503. A signature that is missing, malformed or wrong → 401; but while both secrets are equal, a
 *   rotation has begun → 503, so that the stream tries again. (Nothing but `verification` events → 200: they do
 *   nothing, and come before the secret can be known.)
 * - Neither a JSON array nor JSON lines → 400.
 * - An event is recent → the effects in the console lines are dispatched in chunks → 200: a body is signed as a whole.
 * - All are old: a replay, or the lines of a cached result, which have its age. Of these lines, what their rows want
 *   now is dispatched → 200. There is nothing of that → 400.
 * - Dispatching fails → 503: the stream tries again.
 *
 * It never writes to the console: its own lines would be delivered to it, for ever.
 *
 * @param dispatch - Gets effects, and whether all events are old. It leaves out those that no row wants now, then.
 * @param note - Gets the topics that loop, of a stream that is not for `console` alone.
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
      return answer(secret === previous ? 503 : 401, { error: "x-webhook-signature does not sign this body." });
    }
    if (events === null) return answer(400, { error: "The body is neither a JSON array nor JSON lines." });
    const areOld = events.length > 0 && !events.some(isRecent);
    const topics = areOld ? "" : foreignTopics(events);
    if (topics) await note(topics);
    // Lines of a cached result are as old as the result, whenever they were sent.
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

/** The events of a body, a JSON array or a JSON object a line; null when it is neither. */
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

/** Topics that a stream for our route must not have: each delivery is itself an event of theirs. */
function foreignTopics(events: readonly LogEvent[]): string {
  const topics = new Set(events.map(({ topic }) => topic));
  // They have short plain names; anything else is not worth a note.
  const foreign = [...topics].filter(
    (topic) => typeof topic === "string" && /^[\w.:-]{1,40}$/.test(topic) && !OWN_TOPICS.includes(topic),
  );
  return foreign.sort().slice(0, 5).join(", ");
}

function sealsOf({ topic, message }: LogEvent): string[] {
  const seal = topic === "console" && typeof message === "string" ? sealOf(message) : null;
  return seal === null ? [] : [seal];
}
