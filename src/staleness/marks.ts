/** Keys that one mutation may invalidate. */
const MAX_KEYS = 200;

/**
 * What one mutation has invalidated, so that each key is looked up and marked once however many changes it makes.
 *
 * A mark is forgotten when it may be gone: after the mutation itself commits the row, and after a sub-mutation,
 * which may have committed any row.
 */
export class Marks {
  private readonly keys = new Set<string>();
  private readonly marked = new Set<string>();

  /**
   * @returns Whether the key must be marked now.
   * @throws Error past 200 keys.
   */
  begin(key: string): boolean {
    if (this.marked.has(key)) return false;
    if (this.keys.size === MAX_KEYS && !this.keys.has(key)) {
      throw new Error(
        `One mutation may invalidate at most ${MAX_KEYS} keys; the next was ${key}. ` +
          "Split the mutation, or guard the view with changed() instead of sources.",
      );
    }
    this.keys.add(key);
    this.marked.add(key);
    return true;
  }

  forget(key: string): void {
    this.marked.delete(key);
  }

  forgetAll(): void {
    this.marked.clear();
  }
}
