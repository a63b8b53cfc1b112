const encoder = new TextEncoder();

/** The keys of the deployment's secrets: to import one takes as long as to use it. */
const keys = new Map<string, Promise<CryptoKey>>();
/** More than a deployment has at a time; those of before are forgotten then. */
const MAX_KEYS = 8;

function hmacKey(secret: string): Promise<CryptoKey> {
  let key = keys.get(secret);
  if (key === undefined) {
    if (keys.size === MAX_KEYS) keys.clear();
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    key = crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, [
      "sign",
      "verify",
    ]);
    keys.set(secret, key);
  }
  return key;
}

/** The HMAC-SHA256 of a text. */
export async function sign(text: string, secret: string): Promise<Uint8Array> {
  const key = await hmacKey(secret);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}

/** Whether `signature` is the HMAC-SHA256 of `data`. The comparison takes constant time. */
export async function verify(
  data: string | ArrayBuffer,
  signature: Uint8Array<ArrayBuffer>,
  secret: string,
): Promise<boolean> {
  const key = await hmacKey(secret);
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  return await crypto.subtle.verify("HMAC", key, signature, bytes);
}
