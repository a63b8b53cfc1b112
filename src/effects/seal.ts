import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { canonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { complain, reasonOf } from "../values/describe.js";
import { collapse, type Effect } from "./effect.js";
import { acceptedEffectSecrets, effectSecret } from "./secrets.js";
import { sign, toUtf8, verify } from "./sign.js";

/*
 * A seal is a line of text that carries effects out of a query:
 *
 *   lazy-views:1:<base64url of a JSON array of effects>.<base64url of its HMAC-SHA256>
 *
 * Each effect is `{f: target, a: arguments, w: window in ms, k?: key, s?: seen}`. Before those that leave
 * through a client stands `{t: when they were raised}`, in ms since 1970.
 *
 * It is signed because any function may log text that a user chose. It needs no time stamp and may be repeated:
 * inside its window an effect that is dispatched twice runs once, and a recompute that is repeated later finds its row
 * fresh. (Other targets look again before they act.)
 */
const PREFIX = "lazy-views:1:";
const SEAL = /lazy-views:1:[\w-]+\.[\w-]{43}(?![\w-])/g;

/** What fits in a line of 3,990 bytes. Convex documents 4 KiB; two quotes and some air are left for the formatting. */
const MAX_JSON_BYTES = 2_949;

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
      const time = effect.raisedAt === undefined ? [] : [`{"t":${effect.raisedAt}}`];
      const most = MAX_JSON_BYTES - time.join().length;
      if (bytes > most) {
        throw new Error(
          `it takes ${bytes} bytes, at most ${most} fit in a line. ` +
            "Pass an id, not the document, or a shorter key.",
        );
      }
      if (bytes > room) {
        payloads.push(time);
        room = most;
      }
      payloads.at(-1)?.push(json);
      room -= bytes;
    } catch (error) {
      complain(`an effect for ${effect.target} was not sent: ${reasonOf(error)}`);
    }
  }
  return await Promise.all(
    payloads.map(async (payload) => {
      const text = PREFIX + toBase64Url(toUtf8(`[${payload.join(",")}]`));
      return `${text}.${toBase64Url(await sign(text, secret))}`;
    }),
  );
}

/** Every seal that stands in a text, verified or not. */
export function findSeals(text: string): string[] {
  return text.match(SEAL) ?? [];
}

/** The effects of texts that came from outside, each once; and how many of the texts are no seal of this app. */
export async function unsealAll(texts: readonly string[]): Promise<{ effects: Effect[]; forged: number }> {
  const secrets = acceptedEffectSecrets();
  const opened = await Promise.all([...new Set(texts)].map((text) => unseal(text, secrets)));
  const genuine = opened.filter((effects) => effects !== null);
  return { effects: collapse(genuine.flat()), forged: opened.length - genuine.length };
}

/**
 * @param secrets - Any of them may have signed it.
 * @returns The effects of a seal; null when the line is no seal, or no secret signed it.
 */
export async function unseal(line: string, secrets: readonly string[]): Promise<Effect[] | null> {
  if (findSeals(line)[0] !== line) return null;
  const [text, signature] = line.split(".") as [string, string];
  try {
    for (const secret of secrets) {
      if (await verify(toUtf8(text), fromBase64Url(signature), secret)) return readSeal(line);
    }
  } catch {
    // Not effects: the same answer as for a wrong signature.
  }
  return null;
}

/**
 * The effects that a seal says it carries, without asking who signed it: for tests and tools.
 *
 * @throws Error when the line is not a seal.
 */
export function readSeal(line: string): Effect[] {
  const payload = line.slice(PREFIX.length, line.indexOf("."));
  const json = JSON.parse(new TextDecoder().decode(fromBase64Url(payload))) as JSONValue[];
  return fromPayload(json);
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
