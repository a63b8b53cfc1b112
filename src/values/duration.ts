import { DAY, HOUR, MINUTE, SECOND } from "../times.js";
import { describe } from "./describe.js";

/**
 * A length of time, in the units that are given; they add up.
 *
 * ```ts
 * const window: Duration = { minutes: 1, seconds: 30 };
 * ```
 */
export interface Duration {
  hours?: number;
  minutes?: number;
  seconds?: number;
  milliseconds?: number;
}

const UNIT_MS: Record<keyof Duration, number> = {
  hours: HOUR,
  minutes: MINUTE,
  seconds: SECOND,
  milliseconds: 1,
};

/** Convex schedules nothing further ahead than five years; this leaves room. */
const MAX_MS = 365 * DAY;

/**
 * @param duration - The duration to convert.
 * @param name - What the duration is for, for the error message.
 * @returns Milliseconds.
 * @throws Error when a unit is unknown, an amount is not a number of at least 0, or the sum exceeds a year.
 */
export function toMs(duration: Duration, name: string): number {
  if (typeof duration !== "object" || duration === null) {
    throw new Error(`${name} is ${describe(duration)}; give a duration such as { seconds: 30 }.`);
  }
  let ms = 0;
  for (const [unit, amount] of Object.entries(duration)) {
    if (!(unit in UNIT_MS)) {
      throw new Error(`${name} has the unit "${unit}"; use ${Object.keys(UNIT_MS).join(", ")}.`);
    }
    if (typeof amount !== "number" || !Number.isFinite(amount) || amount < 0) {
      throw new Error(`${name}.${unit} is ${describe(amount)}; it must be a number of at least 0.`);
    }
    ms += amount * UNIT_MS[unit as keyof Duration];
  }
  if (ms > MAX_MS) {
    throw new Error(`${name} is ${ms / HOUR} hours; give at most 8,760, which is a year.`);
  }
  return ms;
}
