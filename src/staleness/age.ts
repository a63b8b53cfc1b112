import type { Row } from "../views/viewTable.js";

/*
 * Age without a clock. A commit writes `expiresAt`: when the row reaches the smallest age that its view's predicates
 * ask about. The sweep of that time writes the age that was reached into `aged`, and the next one to wait for.
 */

/**
 * Whether a row is known to have reached an age. One that waits for no age, or for a later one than this, was
 * committed before the view asked: nobody would mark it, so it counts as old.
 */
export function hasReached({ aged = 0, expiresAt, computedAt }: Row, ageMs: number): boolean {
  return aged >= ageMs || expiresAt === undefined || expiresAt > computedAt + ageMs;
}

/** What a row of an age carries: the age it has reached, if any, and when it reaches the next one. */
export function ageFields(
  ages: readonly number[],
  computedAt: number,
  now: number,
): { aged: number | undefined; expiresAt: number | undefined } {
  const reached = ages.filter((age) => computedAt + age <= now);
  const ahead = ages.filter((age) => computedAt + age > now);
  return {
    aged: reached.length === 0 ? undefined : Math.max(...reached),
    expiresAt: ahead.length === 0 ? undefined : computedAt + Math.min(...ahead),
  };
}

/** How exactly rows are marked that reach an age: the spans, in ms, in which they are swept together. */
export function sweepSpan(ageMs: number): number {
  return Math.min(Math.max(ageMs / 20, 1_000), 10 * 60_000);
}
