import type { Change, Document } from "../../examples/backend/readSet";

/** The true value of a key, from a time on. */
export interface Version {
  /** In ms since 1970. */
  since: number;
  count: number;
  sum: number;
}

/** The true values of each key over time, with which answers are compared. */
export class Truth {
  private readonly versions = new Map<string, Version[]>();

  onCommit(changes: readonly Change[], now: number): void {
    for (const { table, before, after } of changes) {
      if (table !== "items") continue;
      const key = String((after ?? before)?.key);
      const list = this.of(key);
      const last = list.at(-1) ?? { count: 0, sum: 0 };
      const count = last.count + (after ? 1 : 0) - (before ? 1 : 0);
      const sum = last.sum + amountOf(after) - amountOf(before);
      // All writes of one transaction are one version.
      if (list.at(-1)?.since === now) list.pop();
      list.push({ since: now, count, sum });
    }
  }

  /** The versions of a key, oldest first. */
  of(key: string): Version[] {
    let list = this.versions.get(key);
    if (list === undefined) {
      list = [];
      this.versions.set(key, list);
    }
    return list;
  }

  /**
   * How long an answer had been out of date at a time, in ms; 0 when it was still true.
   *
   * @throws Error when it was never true.
   */
  staleness(key: string, answer: { count: number; sum: number }, at: number): number {
    const list = this.of(key);
    // Sums only grow, so a sum identifies one version.
    const index = list.findLastIndex(({ sum, count }) => sum === answer.sum && count === answer.count);
    if (index === -1) {
      throw new Error(`${key} was never ${JSON.stringify(answer)}; now it is ${JSON.stringify(list.at(-1))}.`);
    }
    const outdatedAt = list[index + 1]?.since ?? Number.POSITIVE_INFINITY;
    return Math.max(at - outdatedAt, 0);
  }
}

function amountOf(item: Document | null): number {
  return item === null ? 0 : (item.amount as number);
}
