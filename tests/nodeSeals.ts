import { createCipheriv, createHmac } from "node:crypto";
import { type JSONValue, jsonToConvex, type Value } from "convex/values";
import { openSeal } from "../examples/openSeal";
import type { Effect } from "../src/effects/effect.js";

/*
 * Seals made and opened with Node's own crypto, independent of the code under test.
 */

export const SEAL_PREFIX = "lazy-views:2:";

const hmac = (secret: string, ...data: (string | Uint8Array)[]) =>
  data.reduce((mac, part) => mac.update(part), createHmac("sha256", secret)).digest();

/** The initialization vector of a plaintext: its own HMAC, cut to 12 bytes. */
export function vectorOf(plaintext: string | Uint8Array, secret: string): Buffer {
  return hmac(secret, "lazy-views:2:iv:", plaintext).subarray(0, 12);
}

/** A seal around any plaintext, which need not be a list of effects. */
export function sealedText(
  plaintext: string | Uint8Array,
  secret: string,
  { iv, key }: { iv?: Uint8Array; key?: Uint8Array } = {},
): string {
  const vector = iv ?? vectorOf(plaintext, secret);
  const cipher = createCipheriv("aes-256-gcm", key ?? hmac(secret, "lazy-views:2:key"), vector);
  const encrypted = Buffer.concat([cipher.update(Buffer.from(plaintext)), cipher.final()]);
  return SEAL_PREFIX + Buffer.concat([vector, encrypted, cipher.getAuthTag()]).toString("base64url");
}

/** The effects that a console message carries; none when the message is not sealed with the secret. */
export function effectsIn(message: string, secret = process.env.LAZY_VIEWS_SECRET ?? ""): Effect[] {
  const items = JSON.parse(openSeal(message, secret) ?? "[]") as Record<string, JSONValue>[];
  const { t } = items[0] ?? {};
  return items.slice(t === undefined ? 0 : 1).map(({ f, a, w, k, s }) => ({
    ...(t === undefined ? {} : { raisedAt: t as number }),
    target: f as string,
    args: jsonToConvex(a as JSONValue) as Record<string, Value>,
    windowMs: w as number,
    ...(k === undefined ? {} : { key: k as string }),
    ...(s === undefined ? {} : { seen: BigInt(s as string) }),
  }));
}
