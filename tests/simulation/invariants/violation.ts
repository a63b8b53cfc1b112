/** The invariant that a history has broken, and how. */
export class Violation extends Error {
  override name = "Violation";
}

/** @throws Violation unless it holds. */
export function must(holds: boolean, what: () => string): void {
  if (!holds) throw new Violation(what());
}
