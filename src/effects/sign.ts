/** The keys of the deployment's secrets, of which there are three: to import one takes as long as to use it. */
const keys = new Map<string, Promise<CryptoKey>>();

function hmacKey(secret: string): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = keys.get(secret) ?? crypto.subtle.importKey("raw", toUtf8(secret), algorithm, false, ["sign", "verify"]);
  keys.set(secret, key);
  return key;
}

export function toUtf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The HMAC-SHA256 of a text. */
export async function sign(text: string, secret: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await hmacKey(secret), toUtf8(text)));
}

/** Whether `signature` is the HMAC-SHA256 of `data`. The comparison takes constant time. */
export async function verify(data: BufferSource, signature: BufferSource, secret: string): Promise<boolean> {
  return await crypto.subtle.verify("HMAC", await hmacKey(secret), signature, data);
}
