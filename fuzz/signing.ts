import { createHmac } from "node:crypto";

/*
 * Signatures made with Node's own HMAC: what is genuine does not rest on the code under test.
 */

export const EFFECT_SECRET = "e1".repeat(32);
export const PREVIOUS_SECRET = "b2".repeat(32);
export const STREAM_SECRET = "57".repeat(32);
/** Whoever forges knows the format, and not the secrets. */
export const FORGERS_SECRET = "0f".repeat(32);
/** Too short to be accepted, though it is set. */
export const SHORT_SECRET = "short";

export const PREFIX = "lazy-views:1:";
/** The characters of an HMAC-SHA256 in base64url. */
export const SIGNATURE_LENGTH = 43;

export function hmac(data: string | Uint8Array, secret: string): Buffer {
  return createHmac("sha256", secret).update(data).digest();
}

/** A seal around any payload, whether it is one of effects or not. */
export function sealed(payload: string | Uint8Array, secret = EFFECT_SECRET): string {
  return signed(PREFIX + Buffer.from(payload).toString("base64url"), secret);
}

export function signed(text: string, secret = EFFECT_SECRET): string {
  return `${text}.${hmac(text, secret).toString("base64url")}`;
}

/** What proves that the server has answered a call with this mark. */
export function proof(mark: string, secret = EFFECT_SECRET): string {
  return hmac(`lazy-views:2:answer:${mark}`, secret).toString("hex");
}

/** The header with which the log stream signs a body. */
export function streamSignature(body: Uint8Array, secret = STREAM_SECRET): string {
  return `sha256=${hmac(body, secret).toString("hex")}`;
}
