import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { canonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { complain, reasonOf } from "../values/describe.js";
import { acceptedEffectSecrets, decrypt, effectSecret, encrypt, toUtf8 } from "./crypto.js";
import { collapse, type Effect } from "./effect.js";

/*
 * A seal is a line of text that carries effects out of a query:
 *
 *   lazy-views:2:<base64url of 12 bytes of initialization vector, a ciphertext, 16 bytes of tag>
 *
 * The plaintext is a JSON array of effects, each
 * `{f: target, a: arguments, w: window in ms, k?: key, s?: seen, r?: trailing}`. Of effects that leave through a client,
 * its first item is `{t: when they were raised}`, in ms since 1970. It is encrypted with AES-256-GCM, so that only the
 * deployment can read or make a seal. A query has no randomness: the vector comes from an HMAC of the plaintext. So
 * equal effects have equal seals, and different effects have different vectors.
 *
 * A seal may arrive again. Inside its window, its effects are duplicates. Later, a recompute finds its row fresh.
 * (Other targets should look at the data again before they act.)
 */
const PREFIX = "lazy-views:2:";
/** A message of the log that is one seal and nothing else; Convex puts texts in quotes. */
const SEAL = /^'?(lazy-views:2:[\w-]+)'?$/;
const LINE_BYTES = 4_000; // A line with a seal has fewer bytes than this.
/**
 * Seals that are opened side by side. Convex posts as many at once, so no body from Convex reaches the limit of forged
 * ones.
 */
const GROUP = 128;
/** Bytes of JSON that fit into a line of 3,990 bytes. Convex documents 4 KiB a line, which its quotes count in. */
const MAX_JSON_BYTES = 2_954;

/** Seals effects that leave a query. Never throws: it logs what cannot be sealed. */
export async function sealForSending(effects: readonly Effect[]): Promise<string[]> {
  if (effects.length === 0) return [];
  try {
    return await seal(effects, effectSecret());
  } catch (error) {
    complain(`${effects.length} effect(s) were not sent: ${reasonOf(error)}`);
    return [];
  }
}

/** Packs effects into lines, each shorter than 4,000 bytes, and seals them. Logs an effect that fits in no line. */
export function seal(effects: readonly Effect[], secret: string): Promise<string[]> {
  return Promise.all(pack(effects).map(async (text) => PREFIX + toBase64Url(await encrypt(text, secret))));
}

/** Effects as JSON arrays, none longer than a line has room for. */
function pack(effects: readonly Effect[]): string[] {
  const packed: string[][] = [];
  let room = 0;
  for (const effect of effects) {
    try {
      const json = toJson(effect);
      const bytes = toUtf8(json).length + 2;
      const time = effect.raisedAt === undefined ? [] : [`{"t":${effect.raisedAt}}`];
      const most = MAX_JSON_BYTES - time.join().length;
      if (bytes > most) {
        throw new Error(`it takes ${bytes} bytes, at most ${most} fit in a line. Pass an id or a shorter key.`);
      }
      if (bytes > room) {
        packed.push(time);
        room = most;
      }
      packed.at(-1)?.push(json);
      room -= bytes;
    } catch (error) {
      complain(`an effect for ${effect.target} was not sent: ${reasonOf(error)}`);
    }
  }
  return packed.map((texts) => `[${texts.join(",")}]`);
}

/** The seal in a message of the log; null when the message is anything but one seal. */
export function sealOf(message: string): string | null {
  return message.length < LINE_BYTES ? (SEAL.exec(message)?.[1] ?? null) : null;
}

/**
 * Opens texts that came from outside. Returns their effects, each once, and how many of the texts are not seals of this
 * app. It stops after 128 of those, because it costs more to open seals than to send them.
 */
export async function unsealAll(texts: readonly string[]): Promise<{ effects: Effect[]; forged: number }> {
  const secrets = acceptedEffectSecrets();
  const genuine: Effect[] = [];
  let forged = 0;
  for (let start = 0; start < texts.length && forged < GROUP; start += GROUP) {
    const group = [...new Set(texts.slice(start, start + GROUP))];
    for (const effects of await Promise.all(group.map((text) => unseal(text, secrets)))) {
      if (effects === null) forged++;
      else genuine.push(...effects);
    }
  }
  return { effects: collapse(genuine), forged };
}

/** The effects in a seal; null when the line is not a seal, or none of the secrets opens it. */
export async function unseal(line: string, secrets: readonly string[]): Promise<Effect[] | null> {
  if (sealOf(line) !== line) return null;
  for (const secret of secrets) {
    try {
      return fromPayload(JSON.parse(await decrypt(fromBase64Url(line.slice(PREFIX.length)), secret)));
    } catch {
      // Not base64url, or sealed with another secret, or not effects.
    }
  }
  return null;
}

function fromPayload(json: JSONValue[]): Effect[] {
  const { t: raisedAt } = (json[0] ?? {}) as { t?: JSONValue };
  if (raisedAt === undefined) return json.map(fromJson);
  if (typeof raisedAt !== "number") throw new Error("not a time");
  return json.slice(1).map((effect) => ({ ...fromJson(effect), raisedAt }));
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  // A body of the log stream can have megabytes of seals, for which `Uint8Array.from` takes ten times as long.
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function toJson({ target, args, windowMs, key, seen, trailing }: Effect): string {
  return JSON.stringify({ f: target, a: convexToJson(args), w: windowMs, k: key, s: seen?.toString(), r: trailing });
}

/** @throws Error when the JSON is not an effect. */
function fromJson(json: JSONValue): Effect {
  const { f: target, a, w: windowMs, k: key, s, r: trailing } = json as Record<string, JSONValue>;
  const args = jsonToConvex(a as JSONValue);
  if (
    typeof target !== "string" ||
    !isPlainObject(args) ||
    typeof windowMs !== "number" ||
    !Number.isFinite(windowMs) || // JSON can say 1e999.
    (key !== undefined && typeof key !== "string") ||
    (trailing !== undefined && trailing !== true) ||
    (s !== undefined && !(typeof s === "string" && /^\d{1,19}$/.test(s)))
  ) {
    throw new Error("not an effect");
  }
  const seen = s ? BigInt(s) : undefined;
  const effect = { target, args: args as Record<string, Value>, windowMs, key, seen, trailing };
  // JSON may have what no Convex value has: half of a surrogate pair, a field "__proto__", an integer beyond int64.
  canonicalText(effect);
  return effect;
}
