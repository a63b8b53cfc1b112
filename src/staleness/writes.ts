/** The place of writes that do not name their table: they may be to any. */
const ANY_TABLE = "*";

/**
 * The writes of one mutation to tables with triggers, each from its beginning to the end of what it sets off. Functions
 * run side by side within a mutation, so a value may be computed while a write is on its way to the row's mark.
 */
export class Writes {
  private readonly running = new Map<string, number>();
  private readonly begun = new Map<string, number>();

  /** @param table - Absent when the write does not name it. */
  async during<T>(table: string | undefined, write: () => Promise<T>): Promise<T> {
    const place = table ?? ANY_TABLE;
    add(this.begun, place, 1);
    add(this.running, place, 1);
    try {
      return await write();
    } finally {
      add(this.running, place, -1);
    }
  }

  /** Watches tables from now on: the function tells whether something may have been written to them since. */
  watch(tables: readonly string[]): () => boolean {
    const places = [...tables, ANY_TABLE];
    const isRunning = places.some((place) => (this.running.get(place) ?? 0) > 0);
    const count = () => places.reduce((sum, place) => sum + (this.begun.get(place) ?? 0), 0);
    const before = count();
    return () => isRunning || count() !== before;
  }
}

function add(counts: Map<string, number>, place: string, amount: number): void {
  counts.set(place, (counts.get(place) ?? 0) + amount);
}
