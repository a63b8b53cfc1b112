import type { Observation, ObservedQuery } from "./observation.js";
import { dollars } from "./prices.js";
import type { Range, Recomputes } from "./recomputes.js";

/*
 * What a tracked view in place of a query would take, beside what the query takes, by the counts of docs/costs.md
 * ("Tracked or declared"). A hit is one document. Bytes are an estimate: the row is taken to be as large as the query's
 * result, and the library's other documents to be some hundred bytes each.
 */

/**
 * Documents besides those that `compute` reads: the row, its dependencies, the ledger, marks, subscribers' second runs.
 */
const DOCUMENTS_A_RECOMPUTE = 15;
/** Documents that the library reads in each mutation that writes. */
const DOCUMENTS_A_MUTATION = 1;
/** For each written document on which a row depends: the document again, the dependency, and the row. */
const DOCUMENTS_A_WRITE = 3;
/** Bytes of a row besides its value: its key, times and stamps. */
const ROW_BYTES = 300;
/** How often a row is read or written for each recompute, besides hits. */
const ROWS_A_RECOMPUTE = 5;
/** Bytes of the other documents that a recompute reads and writes. */
const BYTES_A_RECOMPUTE = 500;
/** Bytes of the other documents that the write of a source reads and writes. */
const BYTES_A_WRITE = 350;
/** A log stream delivers the effects of this time together. */
const DELIVERY_MS = 5_000;
/** The delivery, and the dispatch. */
const CALLS_A_DELIVERY = 2;

/** Fewer runs are not enough for a prediction. */
const FEWEST_RUNS = 10;
/** A log that is shorter than so many windows does not show how often a view is computed. */
const FEWEST_WINDOWS = 3;
/** A smaller saving, as a share of what the query takes, is within the error of the prediction. */
const SMALLEST_GAIN = 0.25;

const DAY_MS = 86_400_000;
const DAYS_A_MONTH = 30;

/** What a query or a view costs. */
export interface Use {
  documents: number;
  bytes: number;
  /** Calls of functions besides those of the query itself, which are the same with a view. */
  calls: number;
}

/**
 * - `"gain"`: a view saves documents, and does not cost more money.
 * - `"dearer"`: it saves documents, but its additional calls cost more money than that saves.
 * - `"no gain"`: it saves no documents, or fewer than the error of the prediction.
 * - `"unclear"`: the log has too few calls of the query.
 * - `"in use"`: the query uses this library already.
 */
export type Verdict = "gain" | "dearer" | "no gain" | "unclear" | "in use";

/** The prediction for a view in place of one query. */
export interface Prediction {
  query: ObservedQuery;
  verdict: Verdict;
  /** For `"unclear"`: what the log lacks. */
  lack: string | null;
  /** Null where the verdict is `"unclear"` or `"in use"`. */
  estimate: Estimate | null;
}

export interface Estimate {
  /** What the query costs as it is, and with a view. */
  nowADay: Use;
  withViewADay: Use;
  /** The documents with a view: those for readers, for recomputes and for writes. */
  partsADay: { hits: number; recomputes: number; writes: number };
  /** A view saves documents if it is computed fewer times than this in the time of the log. */
  breakEven: number;
  /** Negative if a view takes more. */
  documentsSavedADay: Range;
  bytesSavedADay: number;
  /** In 30 days, at list prices. */
  dollarsSavedAMonth: number;
}

/** @param windowMs - The view's window. */
export function predict(observation: Observation, windowMs: number): Prediction[] {
  return observation.queries.map((query) => predictOne(query, observation, windowMs));
}

function predictOne(query: ObservedQuery, observation: Observation, windowMs: number): Prediction {
  if (query.hasEffects) return { query, verdict: "in use", lack: null, estimate: null };
  const lack = whatLacks(query, observation, windowMs);
  if (lack !== null) return { query, verdict: "unclear", lack, estimate: null };
  const estimate = estimateSaving(query, observation);
  const isGain = estimate.documentsSavedADay.likely >= SMALLEST_GAIN * estimate.nowADay.documents;
  const verdict = !isGain ? "no gain" : estimate.dollarsSavedAMonth < 0 ? "dearer" : "gain";
  return { query, verdict, lack, estimate };
}

function estimateSaving(query: ObservedQuery, observation: Observation): Estimate {
  const perDay = DAY_MS / (observation.until - observation.from);
  const { recomputes } = query;
  const nowADay = times({ documents: query.documents, bytes: query.bytes, calls: 0 }, perDay);
  const view = (which: keyof Range) => times(viewUse(query, observation, pick(recomputes, which)), perDay);
  const saved = (which: keyof Range) => nowADay.documents - view(which).documents;
  const withViewADay = view("likely");
  const bytesSavedADay = nowADay.bytes - withViewADay.bytes;
  const parts = partsOf(query, observation, pick(recomputes, "likely"));
  return {
    nowADay,
    withViewADay,
    partsADay: { hits: parts.hits * perDay, recomputes: parts.recomputes * perDay, writes: parts.writes * perDay },
    breakEven: Math.max(0, (query.documents - parts.hits - parts.writes) / documentsARecompute(query)),
    documentsSavedADay: { fewest: saved("most"), likely: saved("likely"), most: saved("fewest") },
    bytesSavedADay,
    dollarsSavedAMonth: DAYS_A_MONTH * dollars({ bytes: bytesSavedADay, calls: -withViewADay.calls }),
  };
}

/** What the log lacks for a prediction; null when it has enough. */
function whatLacks({ runs }: ObservedQuery, { from, until, mutations }: Observation, windowMs: number): string | null {
  if (runs < FEWEST_RUNS) return `it ran ${runs === 1 ? "once" : `${runs} times`}, and ${FEWEST_RUNS} runs are needed`;
  if (mutations === 0) return "no mutation has written anything, so the log does not show how often its result changes";
  if (until - from < FEWEST_WINDOWS * windowMs) return `the log is shorter than ${FEWEST_WINDOWS} windows of a view`;
  return null;
}

/** A number of computations and of writes that the log allows. */
interface Assumed {
  times: number;
  writes: number;
}

function pick({ times, writes }: Recomputes, which: keyof Range): Assumed {
  return { times: times[which], writes: writes[which] };
}

/** The documents that a view takes in the time of the log. */
function partsOf(query: ObservedQuery, observation: Observation, { times, writes }: Assumed) {
  const { mutations, documentsWritten } = observation;
  const documentsAMutation = mutations === 0 ? 0 : documentsWritten / mutations;
  return {
    hits: query.runs,
    recomputes: times * documentsARecompute(query),
    writes: mutations * DOCUMENTS_A_MUTATION + writes * documentsAMutation * DOCUMENTS_A_WRITE,
  };
}

function documentsARecompute({ documents, runs }: ObservedQuery): number {
  return documents / runs + DOCUMENTS_A_RECOMPUTE;
}

function viewUse(query: ObservedQuery, observation: Observation, assumed: Assumed): Use {
  const { hits, recomputes, writes } = partsOf(query, observation, assumed);
  const row = query.returnBytes + ROW_BYTES;
  const bytes =
    query.runs * row +
    assumed.times * (query.bytes / query.runs + ROWS_A_RECOMPUTE * row + BYTES_A_RECOMPUTE) +
    assumed.writes * (row + BYTES_A_WRITE);
  const deliveries = Math.min(assumed.times, (observation.until - observation.from) / DELIVERY_MS);
  return {
    documents: hits + recomputes + writes,
    bytes,
    calls: assumed.times + deliveries * CALLS_A_DELIVERY,
  };
}

function times({ documents, bytes, calls }: Use, factor: number): Use {
  return { documents: documents * factor, bytes: bytes * factor, calls: calls * factor };
}
