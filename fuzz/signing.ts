import { createHmac } from "node:crypto";
import { SEAL_PREFIX, sealedText } from "../tests/nodeSeals.js";

/*
 * Seals and signatures made with Node's own crypto, so that they do not depend on the code under test.
 */

export const EFFECT_SECRET = "e1".repeat(32);
export const PREVIOUS_SECRET = "b2".repeat(32);
export const STREAM_SECRET = "57".repeat(32);
export const PREVIOUS_STREAM_SECRET = "84".repeat(32);
/** The secret of a forger, who knows the format but not the app's secrets. */
export const FORGERS_SECRET = "0f".repeat(32);
/** A secret that is set, but too short to be accepted. */
export const SHORT_SECRET = "short";

export const PREFIX = SEAL_PREFIX;

/** A seal around any payload. */
export function sealed(payload: string | Uint8Array, secret = EFFECT_SECRET): string {
  return sealedText(payload, secret);
}

export function hmac(data: string | Uint8Array, secret: string): Buffer {
  return createHmac("sha256", secret).update(data).digest();
}

/** The proof that the server has answered a call with this mark. */
export function proof(mark: string, secret = EFFECT_SECRET): string {
  return hmac(`lazy-views:2:answer:${mark}`, secret).toString("hex");
}

/** The header with which the log stream signs a body. */
export function streamSignature(body: Uint8Array, secret = STREAM_SECRET): string {
  return `sha256=${hmac(body, secret).toString("hex")}`;
}
