import type { Truth } from "./truth";

/** An answer that a reader got from a strategy. */
export interface Answer {
  /** When the reader asked, in ms since 1970. */
  at: number;
  key: string;
  /** How long the answer had been out of date, in ms; null when there was no value yet. */
  staleMs: number | null;
}

/** The cost of the clairvoyant: an ideal strategy that knows the future. */
export interface Bound {
  recomputes: number;
  /** The documents that these recomputes read. */
  documents: number;
}

/**
 * The fewest recomputes that would have served the same reads, if the future were known: no read gets a value that is
 * older than the strategy gave it, or than the strategy promises.
 *
 * Each read needs a recompute in an interval that ends at the read, and begins when the oldest value that it may get
 * became true. With the intervals in the order of their ends, a recompute at the end of the first interval without one
 * is always optimal. A recompute reads the items of the key: the count at the beginning of its interval.
 *
 * @param since - When counting begins, in ms since 1970, with fresh values. Earlier answers do not count.
 */
export function clairvoyant(
  truth: Truth,
  answers: readonly Answer[],
  { promiseMs, since }: { promiseMs: number; since: number },
): Bound {
  const bound: Bound = { recomputes: 0, documents: 0 };
  const byKey = new Map<string, Answer[]>();
  for (const answer of answers) {
    if (answer.at < since) continue;
    const own = byKey.get(answer.key);
    if (own === undefined) byKey.set(answer.key, [answer]);
    else own.push(answer);
  }
  for (const [key, reads] of byKey) {
    const versions = truth.of(key);
    let recomputedAt = since;
    for (const { at, staleMs } of reads.toSorted((a, b) => a.at - b.at)) {
      const allowedMs = Math.max(staleMs ?? Number.POSITIVE_INFINITY, promiseMs);
      // The oldest version that the read may get: the first that was not out of date for longer than allowed.
      const oldest = versions.find((_, i) => {
        const outdatedAt = versions[i + 1]?.since ?? Number.POSITIVE_INFINITY;
        return at - outdatedAt <= allowedMs;
      });
      if (oldest === undefined || recomputedAt >= oldest.since) continue;
      recomputedAt = at;
      bound.recomputes++;
      bound.documents += oldest.count;
    }
  }
  return bound;
}
