/** Keys that one mutation may invalidate. */
const MAX_KEYS = 200;

/**
 * What one mutation has invalidated, so that each key is looked up and marked once however many changes it makes.
 *
 * A mark is forgotten when it may be gone: when the mutation itself commits the row, and while a sub-mutation runs,
 * which may commit any row.
 */
export class Marks {
  private readonly keys = new Set<string>();
  private readonly marked = new Set<string>();
  /** Sub-mutations that have not ended. */
  private running = 0;
  /** Sub-mutations so far. */
  private started = 0;
  /** How many there had been when a key was forgotten; nothing when one was running. */
  private readonly forgottenAt = new Map<string, number>();
  /** Keys marked while a sub-mutation ran, which may have committed their rows over the mark. */
  private readonly unsure = new Map<string, () => Promise<void>>();

  /**
   * @param markRow - Sets the mark; it may be called once more at the mutation's end.
   * @returns Whether the key must be marked now.
   * @throws Error past 200 keys.
   */
  begin(key: string, markRow: () => Promise<void>): boolean {
    if (this.running === 0 && this.marked.has(key)) return false;
    this.count(key);
    if (this.running > 0) this.unsure.set(key, markRow);
    this.marked.add(key);
    return true;
  }

  /** Whether the row of a key is as this mutation sees it, and not marked. */
  isSure(key: string): boolean {
    return this.running === 0 && !this.marked.has(key);
  }

  /** How many keys are concerned so far. */
  get size(): number {
    return this.keys.size;
  }

  /** At the mutation's end: sets the marks again that a sub-mutation may have taken away. */
  async settle(): Promise<void> {
    for (const markRow of this.unsure.values()) await markRow();
  }

  /** Whether a key may have been marked since it was last forgotten: by a sub-mutation, nobody knows. */
  mayBeMarked(key: string): boolean {
    const isAlone = this.running === 0 && this.forgottenAt.get(key) === this.started;
    return !isAlone || this.marked.has(key);
  }

  forget(key: string): void {
    this.marked.delete(key);
    if (this.running === 0) this.forgottenAt.set(key, this.started);
    else this.forgottenAt.delete(key);
  }

  /** While a sub-mutation runs nothing is remembered: it may commit any row. */
  pause(): void {
    this.running++;
    this.started++;
    this.marked.clear();
  }

  resume(): void {
    this.running--;
    this.marked.clear();
  }

  /**
   * Counts a key that a change concerns.
   *
   * @throws Error past 200 keys.
   */
  count(key: string): void {
    if (this.keys.size === MAX_KEYS && !this.keys.has(key)) {
      throw new Error(
        `One mutation may invalidate at most ${MAX_KEYS} keys; the next was ${key}. ` +
          "Split the mutation, or guard the view with changed() instead of sources.",
      );
    }
    this.keys.add(key);
  }
}
