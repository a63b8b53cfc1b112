import { type Call, hasWritten } from "./calls.js";

/*
 * Estimates how often a view in place of a query would be computed. A view is computed once for each key and each
 * window in which its sources have changed and it is read. The log has no arguments, so it does not say which runs of a
 * query have the same key. But it says how much each run has read, and how much was written between two runs. If two
 * runs differ by no more than what was written between them, they may have the same key. That gives the fewest keys
 * that explain the log, and with them the fewest computations. The most is one computation for each run.
 */

/** A number that the log allows: the fewest and the most. `likely` is their geometric mean. */
export interface Range {
  fewest: number;
  likely: number;
  most: number;
}

/** What the runs of a query show about a view in its place. */
export interface Recomputes {
  /** How often the view is computed. */
  times: Range;
  /** How many mutations change its sources. */
  writes: Range;
}

/** The runs that may have one key. */
interface Key {
  documents: number;
  bytes: number;
  /** What had been written until its last run. */
  written: Written;
  /** When the view may be computed next for the key, in ms since 1970: after its last compute, at the window's end. */
  computedAt: number;
}

/** What all mutations have written together. */
interface Written {
  mutations: number;
  documents: number;
  bytes: number;
}

/** From run to run, what a key reads changes by at most this share, or by as much as two writes. */
const LARGEST_CHANGE = 0.05;

/**
 * @param calls - The runs of one query, and the mutations of the app, in the order in which they ended.
 * @param windowMs - The view's window.
 */
export function estimateRecomputes(calls: readonly Call[], windowMs: number): Recomputes {
  const written: Written = { mutations: 0, documents: 0, bytes: 0 };
  const keys: Key[] = [];
  let runs = 0;
  let fewest = 0;
  let runsAfterChanges = 0;
  for (const call of calls) {
    if (call.kind === "mutation") {
      if (hasWritten(call)) add(written, call);
      continue;
    }
    if (call.isCached) continue;
    runs++;
    const key = keyOf(call, keys, written);
    const hasChanged = key !== undefined && key.written.mutations < written.mutations;
    if (hasChanged) runsAfterChanges++;
    let computedAt = key?.computedAt ?? call.at;
    if (key === undefined) fewest++;
    else if (hasChanged && call.at >= computedAt) {
      fewest++;
      computedAt = Math.max(call.at, computedAt + windowMs);
    }
    const seen = { documents: call.documentsRead, bytes: call.bytesRead, written: { ...written }, computedAt };
    if (key === undefined) keys.push(seen);
    else Object.assign(key, seen);
  }
  return { times: rangeOf(fewest, runs), writes: rangeOf(runsAfterChanges, written.mutations) };
}

/** The key that a run may have whose last run read the most similar amount. */
function keyOf(run: Call, keys: readonly Key[], written: Written): Key | undefined {
  let nearest: { key: Key; difference: number } | undefined;
  for (const key of keys) {
    const mutations = written.mutations - key.written.mutations;
    const bytes = written.bytes - key.written.bytes;
    const difference = Math.abs(run.bytesRead - key.bytes);
    const mayDiffer = Math.min(bytes, Math.max(run.bytesRead * LARGEST_CHANGE, (2 * bytes) / Math.max(mutations, 1)));
    const isPossible =
      difference <= mayDiffer &&
      Math.abs(run.documentsRead - key.documents) <= written.documents - key.written.documents;
    if (isPossible && difference < (nearest?.difference ?? Number.POSITIVE_INFINITY)) nearest = { key, difference };
  }
  return nearest?.key;
}

function add(written: Written, { documentsWritten, bytesWritten }: Call): void {
  written.mutations++;
  written.documents += documentsWritten;
  written.bytes += bytesWritten;
}

function rangeOf(a: number, b: number): Range {
  const fewest = Math.min(a, b);
  return { fewest, likely: Math.sqrt(fewest * b), most: b };
}
