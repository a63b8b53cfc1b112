import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { canonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { complain, reasonOf } from "../values/describe.js";
import { collapse, type Effect } from "./effect.js";
import { acceptedEffectSecrets, effectSecret } from "./secrets.js";
import { decrypt, encrypt, toUtf8 } from "./crypto.js";

/*
 * A seal is a line of text that carries effects out of a query:
 *
 *   lazy-views:2:<base64url of 12 bytes of initialization vector, a ciphertext, 16 bytes of tag>
 *
 * It is AES-256-GCM over a JSON array of effects, each `{f: target, a: arguments, w: window in ms, k?: key, s?: seen}`:
 * only the deployment can read a seal, or make one. A query has no randomness, so the vector is taken from an HMAC of the
 * plaintext: equal effects have equal seals, and different ones have different vectors. A seal needs no time stamp and may
 * be repeated: inside its window an effect that is dispatched twice runs once, and a recompute that is repeated later
 * finds its row fresh. (Other targets look again before they act.)
 */
const PREFIX = "lazy-views:2:";
/** What a message of the log is that is a seal. Convex puts quotes around a text that is logged. */
const SEAL = /^'?(lazy-views:2:[\w-]{38,3977})'?$/;

/** What fits in a line of 3,990 bytes. Convex documents 4 KiB; two quotes and some air are left for the formatting. */
const MAX_JSON_BYTES = 2_954;

/** Seals effects on their way out of a query. Never throws: it logs what cannot be sealed, and the query goes on. */
export async function sealForSending(effects: readonly Effect[]): Promise<string[]> {
  if (effects.length === 0) return [];
  try {
    return await seal(effects, effectSecret());
  } catch (error) {
    complain(`${effects.length} effect(s) were not sent: ${reasonOf(error)}`);
    return [];
  }
}

/**
 * Packs effects into as few lines as they fit in, and signs each line. Logs an effect that fits in no line.
 *
 * @returns Lines, each shorter than 4,000 bytes.
 */
export async function seal(effects: readonly Effect[], secret: string): Promise<string[]> {
  const payloads: string[][] = [];
  let room = 0;
  for (const effect of effects) {
    try {
      const json = toJson(effect);
      const bytes = toUtf8(json).length + 2;
      if (bytes > MAX_JSON_BYTES) {
        throw new Error(
          `it takes ${bytes} bytes, at most ${MAX_JSON_BYTES} fit in a line. ` +
            "Pass an id, not the document, or a shorter key.",
        );
      }
      if (bytes > room) {
        payloads.push([]);
        room = MAX_JSON_BYTES;
      }
      payloads.at(-1)?.push(json);
      room -= bytes;
    } catch (error) {
      complain(`an effect for ${effect.target} was not sent: ${reasonOf(error)}`);
    }
  }
  return await Promise.all(
    payloads.map(async (payload) => PREFIX + toBase64Url(await encrypt(toUtf8(`[${payload.join(",")}]`), secret))),
  );
}

/** The seal that a message of the log is; null for any other message, also one that has seals in it. */
export function sealOf(message: string): string | null {
  return SEAL.exec(message)?.[1] ?? null;
}

/** The effects of texts that came from outside, each once; and how many of the texts are no seal of this app. */
export async function unsealAll(texts: readonly string[]): Promise<{ effects: Effect[]; forged: number }> {
  const secrets = acceptedEffectSecrets();
  const opened = await Promise.all([...new Set(texts)].map((text) => unseal(text, secrets)));
  const genuine = opened.filter((effects) => effects !== null);
  return { effects: collapse(genuine.flat()), forged: opened.length - genuine.length };
}

/**
 * @param secrets - Any of them may have sealed it.
 * @returns The effects of a seal; null when the line is no seal, or one of another secret.
 */
export async function unseal(line: string, secrets: readonly string[]): Promise<Effect[] | null> {
  if (sealOf(line) !== line) return null;
  const bytes = fromBase64Url(line.slice(PREFIX.length));
  for (const secret of secrets) {
    try {
      const json = new TextDecoder().decode(await decrypt(bytes, secret));
      return (JSON.parse(json) as JSONValue[]).map(fromJson);
    } catch {
      // Of another secret, or not effects.
    }
  }
  return null;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function toJson({ target, args, windowMs, key, seen }: Effect): string {
  return JSON.stringify({ f: target, a: convexToJson(args), w: windowMs, k: key, s: seen?.toString() });
}

/** @throws Error when the JSON is not an effect. */
function fromJson(json: JSONValue): Effect {
  const { f: target, a, w: windowMs, k: key, s } = json as Record<string, JSONValue>;
  const args = jsonToConvex(a as JSONValue);
  if (
    typeof target !== "string" ||
    !isPlainObject(args) ||
    typeof windowMs !== "number" ||
    !Number.isFinite(windowMs) || // JSON can say 1e999.
    (key !== undefined && typeof key !== "string") ||
    (s !== undefined && !(typeof s === "string" && /^\d{1,19}$/.test(s)))
  ) {
    throw new Error("not an effect");
  }
  const seen = s === undefined ? undefined : BigInt(s);
  // JSON can say what is no Convex value: half of a surrogate pair, a field "__proto__", or a number beyond int64.
  canonicalText([target, key ?? "", args, seen ?? null]);
  return { target, args: args as Record<string, Value>, windowMs, key, seen };
}
