import { HOUR, MINUTE, SECOND } from "../times.js";
import { isPlainObject } from "./copy.js";
import { wrongValue } from "./describe.js";

/** A length of time: the sum of the units that are given, such as `{ minutes: 1, seconds: 30 }`. */
export type Duration = { hours?: number; minutes?: number; seconds?: number; milliseconds?: number };

const UNIT_MS: Record<keyof Duration, number> = { hours: HOUR, minutes: MINUTE, seconds: SECOND, milliseconds: 1 };

const MAX_HOURS = 8_760; // Convex schedules nothing further ahead than five years; this leaves room.

/** A duration in milliseconds. @throws Error with the name, when it is none, or not from the least to a year. */
export function toMs(duration: Duration, name: string, leastMs = 0): number {
  if (!isPlainObject(duration)) throw wrongValue(name, duration, "give a duration such as { seconds: 30 }");
  let ms = 0;
  for (const [unit, amount] of Object.entries(duration)) {
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
