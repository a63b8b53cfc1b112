import { createDecipheriv, createHmac } from "node:crypto";

const SEAL = /^'?lazy-views:2:([\w-]+)'?$/;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The JSON of the effects in a console message that is a seal; null for other messages and for seals of other secrets.
 * The demo and the tests show the effects with it. An app does not need it: the library opens its seals itself.
 */
export function openSeal(message: string, secret: string): string | null {
  const bytes = Buffer.from(SEAL.exec(message)?.[1] ?? "", "base64url");
  if (bytes.length < IV_BYTES + TAG_BYTES) return null;
  const key = createHmac("sha256", secret).update("lazy-views:2:key").digest();
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const plaintext = [decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()];
    return new TextDecoder().decode(Buffer.concat(plaintext));
  } catch {
    return null;
  }
}
