/** The keys of the deployment's secrets: to import one takes as long as to use it. */
const keys = new Map<string, Promise<CryptoKey>>();

function keyOf(purpose: string, secret: string, make: () => Promise<CryptoKey>): Promise<CryptoKey> {
  const name = `${purpose} ${secret}`;
  const key = keys.get(name) ?? make();
  keys.set(name, key);
  return key;
}

function hmacKey(secret: string): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return keyOf("hmac", secret, () =>
    crypto.subtle.importKey("raw", toUtf8(secret), algorithm, false, ["sign", "verify"]),
  );
}

/** The key that seals effects: HMAC-SHA256 of the secret over a name, so that the secret itself encrypts nothing. */
function aesKey(secret: string): Promise<CryptoKey> {
  return keyOf("aes", secret, async () => {
    const bytes = await sign("lazy-views:2:key", secret);
    return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  });
}

const IV_BYTES = 12;
const IV_NAME = "lazy-views:2:iv:";

/**
 * Encrypts and authenticates bytes: AES-256-GCM, whose initialization vector is the first 12 bytes of an HMAC-SHA256 of
 * the plaintext. The vector stands before the ciphertext and the tag.
 */
export async function encrypt(plaintext: Uint8Array<ArrayBuffer>, secret: string): Promise<Uint8Array> {
  const name = toUtf8(IV_NAME);
  const named = new Uint8Array(name.length + plaintext.length);
  named.set(name);
  named.set(plaintext, name.length);
  const iv = (await sign(named, secret)).slice(0, IV_BYTES);
  const encrypted = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await aesKey(secret), plaintext);
  const bytes = new Uint8Array(IV_BYTES + encrypted.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(encrypted), IV_BYTES);
  return bytes;
}

/** @throws Error when the bytes were not encrypted with the secret. */
export async function decrypt(bytes: Uint8Array<ArrayBuffer>, secret: string): Promise<ArrayBuffer> {
  const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES) };
  return await crypto.subtle.decrypt(algorithm, await aesKey(secret), bytes.subarray(IV_BYTES));
}

export function toUtf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The HMAC-SHA256 of a text, or of bytes. */
export async function sign(data: string | BufferSource, secret: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = typeof data === "string" ? toUtf8(data) : data;
  return new Uint8Array(await crypto.subtle.sign("HMAC", await hmacKey(secret), bytes));
}

/** Whether `signature` is the HMAC-SHA256 of `data`. The comparison takes constant time. */
export async function verify(data: BufferSource, signature: BufferSource, secret: string): Promise<boolean> {
  return await crypto.subtle.verify("HMAC", await hmacKey(secret), signature, data);
}
