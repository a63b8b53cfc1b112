import type { ViewDefinition } from "../model/definition.js";
import type { Row } from "../schema.js";

/*
 * Age without a clock. `expiresAt` is the next time that a sweep has to look at the row. An age is reached exactly
 * when `expiresAt` lies beyond it: the sweep of that time moves it on, which runs the row's subscribers again.
 */

/** Whether a row has reached an age. One without a time was committed before the view had ages, and counts as old. */
export function hasReached({ expiresAt, computedAt }: Row, ageMs: number): boolean {
  return expiresAt === undefined || expiresAt > computedAt + ageMs;
}

/** When a row reached the greatest of its ages so far; undefined when none. */
function agedAt({ staleWhen }: ViewDefinition, row: Row, now: number): number | undefined {
  const reached = staleWhen.ages.filter((age) => hasReached(row, age) && row.computedAt + age <= now);
  return reached.length === 0 ? undefined : row.computedAt + Math.max(...reached);
}

/** Since when a row is known to be stale; undefined when a tag, a probe or a version may tell, but not since when. */
export function staleSince(view: ViewDefinition, row: Row, now: number): number | undefined {
  return row.dirtyAt ?? agedAt(view, row, now);
}
