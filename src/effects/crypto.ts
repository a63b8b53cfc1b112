import { fromHex } from "../values/canonical.js";

declare const process: { env: Record<string, string | undefined> } | undefined;

const MIN_SECRET_LENGTH = 32; // The shortest secret that is accepted, in characters: 16 random bytes in hex.

export const EFFECT_SECRET = "LAZY_VIEWS_SECRET"; // Seals effects on their way out of a query.
export const PREVIOUS_EFFECT_SECRET = "LAZY_VIEWS_SECRET_PREVIOUS"; // That before a rotation. It opens seals, and makes none.
export const STREAM_SECRET = "LAZY_VIEWS_STREAM_SECRET"; // The `hmacSecret` of the deployment's webhook log stream.
/** The stream's secret before a rotation. While both are equal, the stream has a new one that is not stored yet. */
export const PREVIOUS_STREAM_SECRET = "LAZY_VIEWS_STREAM_SECRET_PREVIOUS";

/** A key of the deployment that may view logs: with it, the transport `logTail` reads the function log. */
export const LOG_KEY = "LAZY_VIEWS_LOG_KEY";

/** The value of an environment variable of the deployment, or undefined when it is unset or empty. */
export function environmentVariable(name: string): string | undefined {
  return (typeof process === "undefined" ? undefined : process.env[name]) || undefined;
}

/** The secret that seals effects. @throws Error with the remedy, when it is missing or too short. */
export function effectSecret(): string {
  const secret = environmentVariable(EFFECT_SECRET) ?? "";
  if (secret.length >= MIN_SECRET_LENGTH) return secret;
  const problem = secret ? `has ${secret.length} characters; it needs at least ${MIN_SECRET_LENGTH}` : "is not set";
  throw new Error(`${EFFECT_SECRET} ${problem}. Run: npx convex-lazy-views connect`);
}

/** The secrets whose seals are accepted: the current one and, during a rotation, the one before. */
export function acceptedEffectSecrets(): string[] {
  return [EFFECT_SECRET, PREVIOUS_EFFECT_SECRET]
    .map((name) => environmentVariable(name) ?? "")
    .filter(({ length }) => length >= MIN_SECRET_LENGTH);
}

/** Imports the key of each secret once, because that takes as long as to use it. */
function keeping(importKey: (secret: string) => Promise<CryptoKey>): (secret: string) => Promise<CryptoKey> {
  const keys = new Map<string, Promise<CryptoKey>>();
  return (secret) => {
    const key = keys.get(secret) ?? importKey(secret);
    keys.set(secret, key);
    return key;
  };
}

const hmacKey = /* @__PURE__ */ keeping((secret) =>
  crypto.subtle.importKey("raw", toUtf8(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]),
);

/** The key that seals effects: an HMAC, so that the secret itself encrypts nothing. */
const aesKey = /* @__PURE__ */ keeping(async (secret) =>
  crypto.subtle.importKey("raw", await sign("lazy-views:2:key", secret), "AES-GCM", false, ["encrypt", "decrypt"]),
);

const IV_BYTES = 12;

/** An initialization vector, which is the first 12 bytes of an HMAC of the text; then AES-256-GCM of the text. */
export async function encrypt(text: string, secret: string): Promise<Uint8Array> {
  const iv = (await sign(`lazy-views:2:iv:${text}`, secret)).slice(0, IV_BYTES);
  const encrypted = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await aesKey(secret), toUtf8(text));
  return new Uint8Array([...iv, ...new Uint8Array(encrypted)]);
}

/** @throws Error when the bytes were not encrypted with the secret. */
export async function decrypt(bytes: Uint8Array<ArrayBuffer>, secret: string): Promise<string> {
  const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES) };
  const text = await crypto.subtle.decrypt(algorithm, await aesKey(secret), bytes.subarray(IV_BYTES));
  return new TextDecoder().decode(text);
}

export const toUtf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** The HMAC-SHA256 of a text. */
export async function sign(text: string, secret: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await hmacKey(secret), toUtf8(text)));
}

/** Whether a text is the HMAC-SHA256 of `data`, in lower-case hex, by one of the secrets. Compares in constant time. */
export async function isSigned(data: BufferSource, signature: string, secrets: (string | undefined)[]) {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  for (const secret of secrets) {
    if (secret && (await crypto.subtle.verify("HMAC", await hmacKey(secret), fromHex(signature), data))) return true;
  }
  return false;
}
