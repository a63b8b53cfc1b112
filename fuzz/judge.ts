import { convexToJson, type JSONValue, jsonToConvex } from "convex/values";
import { openSeal } from "../examples/openSeal.js";
import { type Effect, ledgerKey } from "../src/effects/effect.js";
import type { RouteInput, Secrets } from "./inputs.js";
import { PREFIX, proof, SHORT_SECRET, streamSignature } from "./signing.js";
import { NOW } from "./surroundings.js";

/*
 * The right result of an input, found independently of the code under test: with Node's crypto, and with a second
 * definition of an effect.
 */

/** The secrets whose seals the app accepts. */
export function accepted({ effect, previous }: Secrets): string[] {
  return [effect, previous].filter((secret) => secret !== "" && secret !== SHORT_SECRET);
}

const LETTERS = new Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

/** The seal in a message, genuine or not, without quotes; null when the message is too long or not a seal. */
export function sealIn(message: string): string | null {
  const start = message.startsWith("'") ? 1 : 0;
  const text = message.endsWith("'") ? message.slice(start, -1) : message.slice(start);
  const letters = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || letters === "" || message.length >= 4_000) return null;
  return [...letters].every((letter) => LETTERS.has(letter)) ? text : null;
}

/** The payload of a line that is a seal by one of the secrets; null for any other line. */
export function payloadOf(line: string, secrets: readonly string[]): string | null {
  // Base64url encodes three bytes as four letters, and never leaves a single letter over.
  if (sealIn(line) !== line || (line.length - PREFIX.length) % 4 === 1) return null;
  return secrets.map((secret) => openSeal(line, secret)).find((json) => json !== null) ?? null;
}

/** The effects of a line that one of the secrets sealed; null for another line, or when any item is not an effect. */
export function effectsOf(line: string, secrets: readonly string[]): Effect[] | null {
  try {
    const items: Record<string, JSONValue>[] = JSON.parse(payloadOf(line, secrets) ?? "null");
    const { t } = items[0] ?? {};
    if (t !== undefined && typeof t !== "number") return null;
    const effects: unknown[] = items.slice(t === undefined ? 0 : 1).map(({ f, a, w, k, s, r }) => ({
      ...(t === undefined ? {} : { raisedAt: t }),
      target: f,
      args: jsonToConvex(a as JSONValue),
      windowMs: w,
      ...(k === undefined ? {} : { key: k }),
      ...(s === undefined ? {} : { seen: wholeNumber(s) }),
      ...(r === undefined ? {} : { trailing: r }),
    }));
    return effects.every(isEffect) ? effects : null;
  } catch {
    return null;
  }
}

/** Converts a text of decimal digits to a number. Other values stay unchanged. */
function wholeNumber(json: JSONValue): unknown {
  return typeof json === "string" && /^\d+$/.test(json) ? BigInt(json) : json;
}

const FIELDS = new Set(["target", "args", "windowMs", "key", "seen", "trailing", "raisedAt"]);

/** Whether something has the form of an effect, down to its last argument. */
export function isEffect(thing: unknown): thing is Effect {
  if (!isPlainObject(thing) || Object.keys(thing).some((name) => !FIELDS.has(name))) return false;
  const { target, args, windowMs, key, seen, trailing, raisedAt } = thing;
  return (
    (raisedAt === undefined || typeof raisedAt === "number") &&
    isText(target) &&
    isPlainObject(args) &&
    isConvexValue(args) &&
    Number.isFinite(windowMs) &&
    (key === undefined || isText(key)) &&
    (trailing === undefined || trailing === true) &&
    (seen === undefined || (typeof seen === "bigint" && isScalar(seen)))
  );
}

/** Whether a client may forward an effect: a recompute, or one that was raised within the hour. */
export function isForwardable({ seen, raisedAt }: Effect): boolean {
  if (seen !== undefined) return true;
  return raisedAt !== undefined && raisedAt > NOW - 3_600_000;
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

/** The depth of nested lists of one element whose innermost list is empty; 0 for any other value. */
function levels(value: unknown): number {
  let inner = value;
  for (let level = 1; Array.isArray(inner); level++) {
    if (inner.length !== 1) return inner.length === 0 ? level : 0;
    inner = inner[0];
  }
  return 0;
}

/** Whether the server made this answer for a call with this mark. */
export function isProven(answer: unknown, mark: string, secrets: readonly string[]): boolean {
  if (!isPlainObject(answer)) return false;
  return secrets.some((secret) => answer.lazyViews === proof(mark, secret));
}

/** Whether a value is a text of valid Unicode, without lone surrogates. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Iterates instead of recursing, so that deep values do not overflow the stack. */
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

/** All fields of an effect as a text, for comparison. */
export function fullText({ target, args, windowMs, key, seen, trailing }: Effect): string {
  return JSON.stringify([target, convexToJson(args), windowMs, key, String(seen), trailing]);
}

/** Identifies the work of an effect: a body that repeats it dispatches it once. */
export function workText(effect: Effect): string {
  return `${effect.seen} ${ledgerKey(effect)}`;
}

/** Whether the log stream signed a request, the status of the right answer, and the effects that it carries. */
export function judgeRequest(
  { body, headers, dispatchFails }: RouteInput,
  secrets: Secrets,
): { isFromStream: boolean; status: number; asked: Effect[] } {
  const events = eventsOf(body);
  const header = new Headers(headers).get("x-webhook-signature")?.toLowerCase();
  const { stream, previousStream } = secrets;
  const isOurs = [stream, previousStream].some((each) => each !== "" && header === streamSignature(body, each));
  if (!isOurs) {
    const isProbe =
      body.length <= 16 * 1024 &&
      events !== null &&
      events.length > 0 &&
      events.every(({ topic }) => topic === "verification");
    const status = isProbe ? 200 : stream === "" || stream === previousStream ? 503 : 401;
    return { isFromStream: false, status, asked: [] };
  }
  if (events === null) return { isFromStream: true, status: 400, asked: [] };
  const areOld = events.length > 0 && !events.some(isRecent);
  const counted = areOld ? events.filter(isCached) : events;
  const texts = counted.flatMap(({ topic, message }) => (topic === "console" ? [message] : []));
  const found = openInGroups(texts, accepted(secrets));
  if (dispatchFails && found.length > 0) return { isFromStream: true, status: 503, asked: found };
  const asked = areOld ? found.filter(isWantedNow) : found;
  return { isFromStream: true, status: areOld && asked.length === 0 ? 400 : 200, asked };
}

/** In these runs, every row still needs the recompute that was raised for it. */
export function isWantedNow({ seen }: Effect): boolean {
  return seen !== undefined && seen !== 0n;
}

/** The effects in messages, in groups of 128 seals. Stops after the group in which the forged seals reach 128. */
function openInGroups(messages: readonly unknown[], secrets: readonly string[]): Effect[] {
  const seals = messages.flatMap((message) => (typeof message === "string" ? (sealIn(message) ?? []) : []));
  const found: Effect[] = [];
  let forged = 0;
  for (let start = 0; start < seals.length && forged < 128; start += 128) {
    for (const seal of new Set(seals.slice(start, start + 128))) {
      const effects = effectsOf(seal, secrets);
      if (effects === null) forged++;
      found.push(...(effects ?? []));
    }
  }
  return found;
}

type Event = Record<"topic" | "timestamp" | "message" | "function", unknown>;

/** Parses a JSON array of objects, or one object per line. */
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

function isRecent({ timestamp }: Event): boolean {
  const age = typeof timestamp === "number" ? NOW - timestamp : Number.NaN;
  return age <= 15 * 60_000 && age >= -5 * 60_000;
}

/** Whether an event is of a cached result: the stream sends its lines again with their old timestamps. */
function isCached({ function: source }: Event): boolean {
  return isPlainObject(source) && source.cached === true;
}
