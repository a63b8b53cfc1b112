import type { Value } from "convex/values";
import { isPlainObject } from "./copy.js";
import { wrongValue } from "./describe.js";

const LONE_SURROGATE = /\p{Surrogate}/u; // Convex refuses strings with half of a surrogate pair.

/**
 * The canonical text of a Convex value. Two values have the same text exactly when they are equal for Convex.
 *
 * Fields are sorted, and those that are `undefined` are left out. `-0` differs from `0`, and an `int64` from a float,
 * as in Convex's indexes. `canonicalText({ b: 1n, a: "x" })` is `'{"a":"x","b":{"$integer":"1"}}'`.
 *
 * @param path - The name of the value, for the message.
 * @throws Error that names the path of what is not a Convex value.
 */
export function canonicalText(value: unknown, path = "value"): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    const text = Object.is(value, -0) ? "-0" : String(value);
    return Number.isFinite(value) && text !== "-0" ? text : `{"$float":"${text}"}`;
  }
  if (typeof value === "string") {
    if (LONE_SURROGATE.test(value)) throw wrongValue(path, value, "it is cut inside a character");
    return JSON.stringify(value);
  }
  if (typeof value === "bigint") {
    if (BigInt.asIntN(64, value) !== value) throw wrongValue(path, value, "give an int64");
    return `{"$integer":"${value}"}`;
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => canonicalText(item, `${path}[${i}]`)).join(",")}]`;
  }
  if (value instanceof ArrayBuffer) return `{"$bytes":"${toHex(new Uint8Array(value))}"}`;
  if (!isPlainObject(value)) throw wrongValue(path, value, "give a Convex value");
  const fields: string[] = [];
  for (const name of Object.keys(value).sort()) {
    if (value[name] === undefined) continue;
    const fieldPath = `${path}.${name}`;
    if (name.startsWith("$")) throw wrongValue(fieldPath, value[name], 'names must not start with "$"');
    fields.push(`${JSON.stringify(name)}:${canonicalText(value[name], fieldPath)}`);
  }
  return `{${fields.join(",")}}`;
}

/** The value of a canonical text. */
export function fromCanonicalText(text: string): Value {
  return JSON.parse(text, (_, value) => {
    if (value?.$integer !== undefined) return BigInt(value.$integer);
    if (value?.$float !== undefined) return Number(value.$float);
    return value?.$bytes === undefined ? value : fromHex(value.$bytes).buffer;
  });
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
