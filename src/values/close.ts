import { canonicalText } from "./canonical.js";
import { isPlainObject } from "./copy.js";

/** The relative error that sums of floats may have; below 1, the absolute one, as sums may cancel. */
const MAX_ERROR = 1e-9;

/** Whether two values are equal, but for the last digits of floats. */
export function isClose(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Object.is(a, b) || Math.abs(a - b) <= MAX_ERROR * Math.max(1, Math.abs(a), Math.abs(b));
  }
  const areArrays = Array.isArray(a) && Array.isArray(b);
  if (!areArrays && !(isPlainObject(a) && isPlainObject(b))) return textOf(a) === textOf(b);
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isClose(a[name as never], b[name as never]));
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalText(value);
}
