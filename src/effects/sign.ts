/** Bytes as base64url, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws Error when the text is not base64url. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** The keys of the deployment's secrets: to import one takes as long as to use it. */
const keys = new Map<string, Promise<CryptoKey>>();
/** More than a deployment has at a time; those of before are forgotten then. */
const MAX_KEYS = 8;

function hmacKey(secret: string): Promise<CryptoKey> {
  let key = keys.get(secret);
  if (key === undefined) {
    if (keys.size === MAX_KEYS) keys.clear();
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    key = crypto.subtle.importKey("raw", bytesOf(secret), algorithm, false, ["sign", "verify"]);
    keys.set(secret, key);
  }
  return key;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The HMAC-SHA256 of a text. */
export async function sign(text: string, secret: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await hmacKey(secret), bytesOf(text)));
}

/** Whether `signature` is the HMAC-SHA256 of `data`. The comparison takes constant time. */
export async function verify(
  data: string | ArrayBuffer,
  signature: Uint8Array<ArrayBuffer>,
  secret: string,
): Promise<boolean> {
  const bytes = typeof data === "string" ? bytesOf(data) : data;
  return await crypto.subtle.verify("HMAC", await hmacKey(secret), signature, bytes);
}
