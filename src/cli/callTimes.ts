import type { Completion, LogEntry } from "./functionLog.js";

/*
 * The time of a write tells which call of the log has made it: in Convex, a mutation's clock stands still, at what the
 * log calls its begin.
 */

/** A function's clock may be rounded, and stands a little before or after what the log says of it, in ms. */
const CLOCK_MS = 2;

/** When a call began, in ms since 1970. */
export function beganAt({ timestamp, executionTime, executionTimestamp }: Completion): number {
  return (executionTimestamp ?? timestamp - executionTime) * 1_000;
}

/** The mutations that ran at a time: the one whose clock said so, where there is one such, else all. */
export function mutationsAt(entries: readonly LogEntry[], at: number): Completion[] {
  const running = entries.filter((entry): entry is Completion => {
    if (entry.kind !== "Completion" || entry.udfType !== "Mutation" || entry.error) return false;
    return beganAt(entry) - CLOCK_MS <= at && at <= entry.timestamp * 1_000 + CLOCK_MS;
  });
  const exact = running.filter((entry) => Math.abs(beganAt(entry) - at) < CLOCK_MS);
  return exact.length === 1 ? exact : running;
}
