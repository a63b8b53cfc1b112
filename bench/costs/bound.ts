import type { Truth } from "./truth";

/** An answer to a reader, of a strategy. */
export interface Answer {
  /** When it was asked for, in ms since 1970. */
  at: number;
  key: string;
  /** For how long it had been out of date, in ms; null when there was no value yet. */
  staleMs: number | null;
}

/** What the clairvoyant does. */
export interface Bound {
  recomputes: number;
  /** The documents that they read. */
  documents: number;
}

/**
 * The fewest recomputes that would have served the same reads within the same staleness, by somebody who knows the
 * future: no read gets an older value than the strategy gave it, or than the strategy promises.
 *
 * Each read needs a recompute in some stretch of time before it: since the value that it may still be given became
 * true. With the stretches in the order of their ends, a recompute at the end of the first one that has none is always
 * a best choice. Each reads the items of the key, as few as there were in its stretch.
 *
 * @param since - When it begins, with values that are up to date, in ms since 1970: answers before do not count.
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
      // The oldest version that the read may be given: the first that was not out of date for longer.
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
