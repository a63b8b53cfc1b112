import { HOUR, MINUTE, SECOND } from "../times.js";
import { isPlainObject } from "./copy.js";
import { wrongValue } from "./describe.js";

/**
 * A length of time: the sum of its fields, each a number from 0. `{ minutes: 1, seconds: 30 }` is 90 seconds. At most a
 * year; each option says its shortest.
 */
export interface Duration {
  /** Of 60 minutes each. */
  hours?: number;
  /** Of 60 seconds each. */
  minutes?: number;
  /** Fractions are allowed, as in every field. */
  seconds?: number;
  /** A thousandth of a second each. */
  milliseconds?: number;
}

const UNIT_MS: Record<keyof Duration, number> = { hours: HOUR, minutes: MINUTE, seconds: SECOND, milliseconds: 1 };

const MAX_HOURS = 8_760; // Convex schedules nothing further ahead than five years; this leaves room.

/** A duration in ms. @throws Error with `name` and the value, when it is none, or is not from `leastMs` to a year. */
export function toMs(duration: Duration, name: string, leastMs = 0): number {
  if (!isPlainObject(duration)) throw wrongValue(name, duration, "give a duration such as { seconds: 30 }");
  let ms = 0;
  for (const [unit, amount] of Object.entries(duration as Record<string, number>)) {
    if (!Object.hasOwn(UNIT_MS, unit) || !Number.isFinite(amount) || amount < 0) {
      throw wrongValue(`${name}.${unit}`, amount, `give ${Object.keys(UNIT_MS).join(", ")} from 0`);
    }
    ms += amount * UNIT_MS[unit as keyof Duration];
  }
  if (ms < leastMs || ms > MAX_HOURS * HOUR) {
    throw new Error(`${name} is ${ms / SECOND} s; give ${leastMs / SECOND} s to ${MAX_HOURS} hours.`);
  }
  return ms;
}
