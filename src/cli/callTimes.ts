import type { Completion, LogEntry } from "./functionLog.js";

/*
 * The time of a write says which call of the log has made it, because a mutation's clock stands still at the time that
 * the log has as its begin.
 */

/** A function's clock may be rounded, and differ from the log by so much, in ms. */
const CLOCK_MS = 2;

/** When a call began, in ms since 1970. */
export function beganAt({ timestamp, executionTime, executionTimestamp }: Completion): number {
  return (executionTimestamp ?? timestamp - executionTime) * 1_000;
}

/** The mutations that ran at a time: if exactly one had it on its clock, that one; else all. */
export function mutationsAt(entries: readonly LogEntry[], at: number): Completion[] {
  const running = entries.filter((entry): entry is Completion => {
    if (entry.kind !== "Completion" || entry.udfType !== "Mutation" || entry.error) return false;
    return beganAt(entry) - CLOCK_MS <= at && at <= entry.timestamp * 1_000 + CLOCK_MS;
  });
  const exact = running.filter((entry) => Math.abs(beganAt(entry) - at) < CLOCK_MS);
  return exact.length === 1 ? exact : running;
}
