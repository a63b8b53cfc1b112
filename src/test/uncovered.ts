import { onUncovered, type Uncovered } from "../staleness/coverage.js";

/** What the recomputes of this process have found, by view and table. Later finds have greater numbers. */
const found = new Map<string, { uncovered: Uncovered; number: number }>();
let count = 0;

/**
 * Makes recomputes look for uncovered documents from now on, and warns once for each view and table.
 *
 * @returns A function that returns those that were found since.
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
