import type { Value } from "convex/values";
import { describe } from "./describe.js";

/**
 * The canonical text of a Convex value: two values have the same text exactly when Convex calls them equal.
 *
 * Fields are sorted, `undefined` fields are left out (as Convex does), `-0` differs from `0` and an
 * `int64` from a float of the same size (as in Convex's indexes).
 *
 * ```ts
 * canonicalText({ b: 1n, a: "x" }); // '{"a":"x","b":{"$integer":"1"}}'
 * ```
 *
 * @param value - Any Convex value.
 * @param path - Where the value stands, for the error message.
 * @throws Error naming the path, when the value is not a Convex value.
 */
export function canonicalText(value: unknown, path = "value"): string {
  switch (typeof value) {
    case "string":
      if (LONE_SURROGATE.test(value)) {
        throw new Error(`${path} is ${describe(value)}, which is cut in the middle of a character.`);
      }
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? String(value)
        : `{"$float":"${Object.is(value, -0) ? "-0" : value}"}`;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) {
        throw new Error(`${path} is ${value}n, which does not fit in an int64.`);
      }
      return `{"$integer":"${value}"}`;
    case "object":
      return value === null ? "null" : objectText(value, path);
    default:
      throw new Error(`${path} is ${describe(value)}, which is not a Convex value.`);
  }
}

/** Convex strings are valid Unicode: no half of a surrogate pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The value of a canonical text. */
export function fromCanonicalText(text: string): Value {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== "object" || value === null) return value;
    if (typeof value.$integer === "string") return BigInt(value.$integer);
    if (typeof value.$float === "string") return Number(value.$float);
    if (typeof value.$bytes !== "string") return value;
    const pairs: string[] = value.$bytes.match(/../g) ?? [];
    return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16)).buffer;
  });
}

function objectText(value: object, path: string): string {
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => canonicalText(item, `${path}[${i}]`)).join(",")}]`;
  }
  if (value instanceof ArrayBuffer) {
    return `{"$bytes":"${[...new Uint8Array(value)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}"}`;
  }
  if (!isPlainObject(value)) {
    throw new Error(`${path} is ${describe(value)}, which is not a Convex value.`);
  }
  const fields: string[] = [];
  for (const name of Object.keys(value).sort()) {
    if (value[name] === undefined) continue;
    if (name.startsWith("$")) {
      throw new Error(`${path} has a field "${name}": Convex reserves names that start with "$".`);
    }
    fields.push(`${JSON.stringify(name)}:${canonicalText(value[name], `${path}.${name}`)}`);
  }
  return `{${fields.join(",")}}`;
}

function isPlainObject(value: object): value is Record<string, Value | undefined> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
