import type { TransactionMetrics } from "convex/server";
import { collectEffects } from "convex-lazy-views/test";
import { startApp } from "./app";
import { api } from "./convex/_generated/api.js";
import { median } from "./random";

export interface HitSizes {
  /** Documents from which the row of the ordinary hit is computed. */
  documents: number;
  /** The same for the large hit. */
  documentsLarge: number;
  rounds: number;
  readsPerRound: number;
}

/** What reading a fresh row takes. */
export interface HitFigures {
  documentsRead: number;
  indexRanges: number;
  /** In the query, and in a mutation with the same read, since a query cannot write in any case. */
  documentsWritten: number;
  /** Effects that all measured hits raised. */
  effects: number;
  documentsReadLarge: number;
  indexRangesLarge: number;
  /** Documents read when a query computes the large value without a view. */
  documentsReadLargeWithoutView: number;
  /** Time of `view.get` over that of the bare `.unique()` of the same row; the median of all rounds. */
  timeRatio: number;
  viewMicroseconds: number;
  bareMicroseconds: number;
}

export async function measureHit(sizes: HitSizes): Promise<HitFigures> {
  const { result, effects } = await collectEffects(async () => ({
    ...(await measureCounts(sizes)),
    ...(await measureTimes(sizes)),
  }));
  return { ...result, effects: effects.length };
}

async function measureCounts({ documents, documentsLarge }: HitSizes) {
  const t = startApp();
  await t.mutation(api.items.load, { groups: ["small"], itemsPerGroup: documents });
  await t.mutation(api.items.load, { groups: ["large"], itemsPerGroup: documentsLarge });
  await t.mutation(api.items.refresh, { groups: ["small", "large"] });

  const small = used(await t.query(api.reads.measured, { group: "small" }), documents);
  const large = used(await t.query(api.reads.measured, { group: "large" }), documentsLarge);
  const inMutation = used(await t.mutation(api.reads.measuredInMutation, { group: "small" }), documents);
  const withoutView = used(await t.query(api.reads.measuredWithoutView, { group: "large" }), documentsLarge);
  return {
    documentsRead: small.documentsRead.used,
    indexRanges: small.databaseQueries.used,
    documentsWritten: small.documentsWritten.used + inMutation.documentsWritten.used,
    documentsReadLarge: large.documentsRead.used,
    indexRangesLarge: large.databaseQueries.used,
    documentsReadLargeWithoutView: withoutView.documentsRead.used,
  };
}

/** The metrics of a read, after a check that it read the right value. */
function used(
  { value, metrics }: { value: { items: number } | null; metrics: TransactionMetrics },
  items: number,
): TransactionMetrics {
  if (value?.items !== items) {
    throw new Error(`a read found ${value?.items} items where there are ${items}: it is no hit.`);
  }
  return metrics;
}

/**
 * Measures in a separate app with one source document: convex-test scans all documents at every read, which would
 * hide the time of the view.
 */
async function measureTimes({ rounds, readsPerRound }: HitSizes) {
  const t = startApp();
  await t.mutation(api.items.load, { groups: ["timed"], itemsPerGroup: 1 });
  await t.mutation(api.items.refresh, { groups: ["timed"] });
  const sizes = { group: "timed", readsPerRound };
  await t.query(api.reads.timed, { ...sizes, rounds: Math.ceil(rounds / 4) });
  const timings = await t.query(api.reads.timed, { ...sizes, rounds });
  return {
    timeRatio: median(timings.map(({ bareMs, viewMs }) => viewMs / bareMs)),
    viewMicroseconds: 1_000 * median(timings.map(({ viewMs }) => viewMs)),
    bareMicroseconds: 1_000 * median(timings.map(({ bareMs }) => bareMs)),
  };
}
