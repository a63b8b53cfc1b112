import type { JSONValue } from "convex/values";
import { reasonOf } from "../values/describe.js";
import { type Effect, effectFromJson, effectToJson } from "./effect.js";
import { fromBase64Url, sign, toBase64Url, verify } from "./sign.js";

/*
 * A seal is a line of text that carries effects out of a query:
 *
 *   lazy-views:1:<base64url of a JSON array of effects>.<base64url of its HMAC-SHA256>
 *
 * It needs the signature because any function may log text that a user chose. It needs no time stamp and
 * may be repeated: inside its window an effect that is dispatched twice runs once, and a recompute that is repeated
 * later finds its row fresh. (Other targets look again before they act.)
 */
const PREFIX = "lazy-views:1:";
const SIGNATURE_LENGTH = 43;
const SEAL = /lazy-views:1:([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])/g;

/** Convex documents 4 KiB for a log line; two quotes and some air are left for the formatting. */
const MAX_LINE_LENGTH = 3_990;
const MAX_JSON_BYTES = Math.floor(((MAX_LINE_LENGTH - PREFIX.length - 1 - SIGNATURE_LENGTH) * 3) / 4);

export interface SealedEffects {
  /** Each shorter than 4,000 bytes. */
  lines: string[];
  /** Effects that can stand in no line, with the reason. */
  unsendable: { effect: Effect; reason: string }[];
}

/** Packs effects into as few lines as they fit in, and signs each line. */
export async function seal(effects: readonly Effect[], secret: string): Promise<SealedEffects> {
  const encoder = new TextEncoder();
  const unsendable: SealedEffects["unsendable"] = [];
  const payloads: string[][] = [];
  let room = 0;
  for (const effect of effects) {
    try {
      const json = JSON.stringify(effectToJson(effect));
      const bytes = encoder.encode(json).length + 2;
      if (bytes > MAX_JSON_BYTES) {
        throw new Error(
          `it takes ${bytes} bytes, at most ${MAX_JSON_BYTES} fit in a log line. ` +
            "Pass an id instead of the document, or a shorter key.",
        );
      }
      if (bytes > room) {
        payloads.push([]);
        room = MAX_JSON_BYTES;
      }
      payloads.at(-1)?.push(json);
      room -= bytes;
    } catch (error) {
      unsendable.push({ effect, reason: reasonOf(error) });
    }
  }
  const lines = await Promise.all(
    payloads.map(async (payload) => {
      const text = PREFIX + toBase64Url(encoder.encode(`[${payload.join(",")}]`));
      return `${text}.${toBase64Url(await sign(text, secret))}`;
    }),
  );
  return { lines, unsendable };
}

/** Every seal that stands in a text, verified or not. */
export function findSeals(text: string): string[] {
  return text.includes(PREFIX) ? (text.match(SEAL) ?? []) : [];
}

/**
 * @param secrets - Any of them may have signed it.
 * @returns The effects of a seal, or null when no secret signed it.
 */
export async function unseal(line: string, secrets: readonly string[]): Promise<Effect[] | null> {
  const dot = line.length - SIGNATURE_LENGTH - 1;
  const text = line.slice(0, dot);
  try {
    const signature = fromBase64Url(line.slice(dot + 1));
    for (const secret of secrets) {
      if (await verify(text, signature, secret)) return readSeal(line);
    }
  } catch {
    // Not base64url, or not effects: the same answer as for a wrong signature.
  }
  return null;
}

/**
 * The effects that a seal says it carries, without asking who signed it: for tests and tools.
 *
 * @throws Error when the line is not a seal.
 */
export function readSeal(line: string): Effect[] {
  const payload = line.slice(PREFIX.length, line.length - SIGNATURE_LENGTH - 1);
  const json = JSON.parse(new TextDecoder().decode(fromBase64Url(payload))) as JSONValue[];
  return json.map(effectFromJson);
}
