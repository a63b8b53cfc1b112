import { convexToJson, type JSONValue, jsonToConvex } from "convex/values";
import { type Effect, ledgerKey } from "../src/effects/effect.js";
import type { RouteInput, Secrets } from "./inputs.js";
import { hmac, PREFIX, proof, SHORT_SECRET, SIGNATURE_LENGTH, streamSignature } from "./signing.js";
import { NOW } from "./surroundings.js";

/*
 * What must come of an input, found with other means than the code under test: Node's HMAC, and a definition
 * of an effect of its own.
 */

/** The secrets whose seals count. */
export function accepted({ effect, previous }: Secrets): string[] {
  return [effect, previous].filter((secret) => secret !== "" && secret !== SHORT_SECRET);
}

const AFTER_PREFIX = /[\w-]+\.[\w-]{43}(?![\w-])/y;

/** The seals that stand in a text, genuine or not, read from the left: no two share a letter. */
export function sealsIn(text: string): string[] {
  const seals: string[] = [];
  let at = text.indexOf(PREFIX);
  while (at !== -1) {
    AFTER_PREFIX.lastIndex = at + PREFIX.length;
    const rest = AFTER_PREFIX.exec(text)?.[0] ?? "";
    if (rest !== "") seals.push(PREFIX + rest);
    at = text.indexOf(PREFIX, at + PREFIX.length + rest.length);
  }
  return seals;
}

/** Whether one of the secrets signed this line. */
export function isSigned(line: string, secrets: readonly string[]): boolean {
  if (line.length <= SIGNATURE_LENGTH) return false;
  const text = line.slice(0, -SIGNATURE_LENGTH - 1);
  const signature = Buffer.from(line.slice(-SIGNATURE_LENGTH), "base64url");
  return secrets.some((secret) => hmac(text, secret).equals(signature));
}

/** The effects of a signed line; null when any of what it carries is none. */
export function effectsOf(line: string): Effect[] | null {
  const payload = Buffer.from(line.slice(PREFIX.length, -SIGNATURE_LENGTH - 1), "base64url");
  try {
    const items: Record<string, JSONValue>[] = JSON.parse(new TextDecoder().decode(payload));
    const { t } = items[0] ?? {};
    if (t !== undefined && typeof t !== "number") return null;
    const effects: unknown[] = items.slice(t === undefined ? 0 : 1).map(({ f, a, w, k, s }) => ({
      ...(t === undefined ? {} : { raisedAt: t }),
      target: f,
      args: jsonToConvex(a as JSONValue),
      windowMs: w,
      ...(k === undefined ? {} : { key: k }),
      ...(s === undefined ? {} : { seen: wholeNumber(s) }),
    }));
    return effects.every(isEffect) ? effects : null;
  } catch {
    return null;
  }
}

/** The number that a text says in decimals; anything else as it is. */
function wholeNumber(json: JSONValue): unknown {
  return typeof json === "string" && /^\d+$/.test(json) ? BigInt(json) : json;
}

const FIELDS = new Set(["target", "args", "windowMs", "key", "seen", "raisedAt"]);

/** Whether something has the form of an effect, down to its last argument. */
export function isEffect(thing: unknown): thing is Effect {
  if (!isPlainObject(thing) || Object.keys(thing).some((name) => !FIELDS.has(name))) return false;
  const { target, args, windowMs, key, seen, raisedAt } = thing;
  return (
    (raisedAt === undefined || typeof raisedAt === "number") &&
    isText(target) &&
    isPlainObject(args) &&
    isConvexValue(args) &&
    Number.isFinite(windowMs) &&
    (key === undefined || isText(key)) &&
    (seen === undefined || (typeof seen === "bigint" && isScalar(seen)))
  );
}

/** Whether a client may forward an effect: a recompute, or one that was raised within the hour. */
export function isForwardable({ seen, raisedAt }: Effect): boolean {
  if (seen !== undefined) return true;
  return raisedAt !== undefined && raisedAt > NOW - 3_600_000 && raisedAt <= NOW + 300_000;
}

/** Whether a client takes an answer for an envelope. */
export function isForClient(answer: unknown): boolean {
  if (!isPlainObject(answer)) return false;
  const { value, seals, once, forward, lazyViews } = answer;
  const names = Object.keys(answer).sort().join();
  const areLists = [seals, once].every((list) => Array.isArray(list) && list.every((seal) => typeof seal === "string"));
  const isWhole = names === "forward,lazyViews,once,seals,value" && value !== undefined;
  return isWhole && areLists && levels(lazyViews) === 16 && typeof forward === "string";
}

/** How many lists lie in each other, the last one empty; 0 for anything else. */
function levels(value: unknown): number {
  let inner = value;
  for (let level = 1; Array.isArray(inner); level++) {
    if (inner.length !== 1) return inner.length === 0 ? level : 0;
    inner = inner[0];
  }
  return 0;
}

/** Whether the server has made an answer, for a call with this mark. */
export function isProven(answer: unknown, mark: string, secrets: readonly string[]): boolean {
  if (!isPlainObject(answer)) return false;
  return secrets.some((secret) => answer.lazyViews === proof(mark, secret));
}

/** Text that is valid Unicode: no half of a surrogate pair. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Looks at one value after the other: however deep they lie, the stack stays flat. */
function isConvexValue(root: unknown): boolean {
  const left = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (Array.isArray(value)) for (const item of value) left.push(item);
    else if (isPlainObject(value)) {
      if (Object.keys(value).some((name) => !/^(?!\$)[\x20-\x7e]*$/.test(name))) return false;
      for (const field of Object.values(value)) left.push(field);
    } else if (typeof value === "string" ? !isText(value) : !isScalar(value)) return false;
  }
  return true;
}

function isScalar(value: unknown): boolean {
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value;
  return value === null || typeof value === "boolean" || typeof value === "number" || value instanceof ArrayBuffer;
}

/** Everything of an effect as text: what differs in nothing is the same. */
export function fullText({ target, args, windowMs, key, seen }: Effect): string {
  return JSON.stringify([target, convexToJson(args), windowMs, key, String(seen)]);
}

/** What is dispatched once, however often it stands in a body. */
export function workText(effect: Effect): string {
  return `${effect.seen} ${ledgerKey(effect)}`;
}

/** Whether the log stream signed a request, the answer that it must get, and the seals that may start something. */
export function judgeRequest(
  { body, headers, dispatchFails }: RouteInput,
  secrets: Secrets,
): { isFromStream: boolean; status: number; seals: string[] } {
  const events = eventsOf(body);
  const header = new Headers(headers).get("x-webhook-signature")?.toLowerCase();
  const isOurs = secrets.stream !== "" && header === streamSignature(body, secrets.stream);
  if (!isOurs) {
    const isProbe =
      body.length <= 16 * 1024 &&
      events !== null &&
      events.length > 0 &&
      events.every(({ topic }) => topic === "verification");
    const status = isProbe ? 200 : secrets.stream === "" ? 503 : 401;
    return { isFromStream: false, status, seals: [] };
  }
  if (events === null) return { isFromStream: true, status: 400, seals: [] };
  const recent = events.filter(isRecent);
  if (recent.length === 0 && events.length > 0) return { isFromStream: true, status: 400, seals: [] };
  const messages = recent.flatMap(({ topic, message }) =>
    topic === "console" && typeof message === "string" ? [message] : [],
  );
  const seals = messages
    .flatMap(sealsIn)
    .filter((seal) => isSigned(seal, accepted(secrets)) && effectsOf(seal) !== null);
  const starts = seals.some((seal) => effectsOf(seal)?.length);
  return { isFromStream: true, status: dispatchFails && starts ? 503 : 200, seals };
}

type Event = Record<"topic" | "timestamp" | "message" | "function", unknown>;

/** An array of objects, or an object a line. */
function eventsOf(body: Buffer): Event[] | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body).trim();
    const events: unknown[] = text.startsWith("[")
      ? JSON.parse(text)
      : text.split("\n").map((line) => JSON.parse(line));
    const areObjects = events.every((event) => typeof event === "object" && event !== null);
    return areObjects ? (events as Event[]) : null;
  } catch {
    return null;
  }
}

/** A cached result's lines are sent again with the age that they have. */
function isRecent({ timestamp, function: source }: Event): boolean {
  const isCached = isPlainObject(source) && source.cached === true;
  const age = typeof timestamp === "number" ? NOW - timestamp : Number.NaN;
  return isCached || (age <= 15 * 60_000 && age >= -5 * 60_000);
}
