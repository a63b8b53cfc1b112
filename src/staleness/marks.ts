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
  /** Keys marked while a sub-mutation ran, which may have committed their rows over the mark. */
  private readonly unsure = new Map<string, () => Promise<void>>();

  /**
   * @param markRow - Sets the mark; it may be called once more at the mutation's end.
   * @returns Whether the key must be marked now.
   * @throws Error past 200 keys.
   */
  begin(key: string, markRow: () => Promise<void>): boolean {
    if (this.running === 0 && this.marked.has(key)) return false;
    if (this.keys.size === MAX_KEYS && !this.keys.has(key)) {
      throw new Error(
        `One mutation may invalidate at most ${MAX_KEYS} keys; the next was ${key}. ` +
          "Split the mutation, or guard the view with changed() instead of sources.",
      );
    }
    if (this.running > 0) this.unsure.set(key, markRow);
    this.keys.add(key);
    this.marked.add(key);
    return true;
  }

  /** At the mutation's end: sets the marks again that a sub-mutation may have taken away. */
  async settle(): Promise<void> {
    for (const markRow of this.unsure.values()) await markRow();
  }

  /** Whether the key was marked since it was last forgotten. */
  has(key: string): boolean {
    return this.marked.has(key);
  }

  forget(key: string): void {
    this.marked.delete(key);
  }

  /** While a sub-mutation runs nothing is remembered: it may commit any row. */
  pause(): void {
    this.running++;
    this.marked.clear();
  }

  resume(): void {
    this.running--;
    this.marked.clear();
  }
}
