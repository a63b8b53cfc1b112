import { onUncovered, type Uncovered } from "../staleness/coverage.js";

/** What recomputes of this process have found, by view and table; the number tells when. */
const found = new Map<string, { uncovered: Uncovered; number: number }>();
let count = 0;

/**
 * Has recomputes look for uncovered documents from now on, and warns of each view and table once.
 *
 * @returns What gives those that were found since.
 */
export function collectUncovered(): () => Uncovered[] {
  onUncovered(note);
  const before = count;
  return () => [...found.values()].filter(({ number }) => number > before).map(({ uncovered }) => uncovered);
}

function note(uncovered: Uncovered): void {
  const name = `${uncovered.view} ${uncovered.table}`;
  if (!found.has(name)) console.warn(uncovered.message);
  found.set(name, { uncovered, number: ++count });
}
