const encoder = new TextEncoder();

async function hmacKey(secret: string, usage: "sign" | "verify"): Promise<CryptoKey> {
  return await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    [usage],
  );
}

/** The HMAC-SHA256 of a text. */
export async function sign(text: string, secret: string): Promise<Uint8Array> {
  const key = await hmacKey(secret, "sign");
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}

/** Whether `signature` is the HMAC-SHA256 of `data`. The comparison takes constant time. */
export async function verify(
  data: string | ArrayBuffer,
  signature: Uint8Array<ArrayBuffer>,
  secret: string,
): Promise<boolean> {
  const key = await hmacKey(secret, "verify");
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  return await crypto.subtle.verify("HMAC", key, signature, bytes);
}
