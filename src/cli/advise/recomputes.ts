import { type Call, hasWritten } from "./calls.js";

/*
 * How often a view in place of a query would be computed. A view is computed once for each key and window in which its
 * sources have changed and it is read. The log has no arguments, so it does not say which runs of a query are of one
 * key. But it says how much each run has read, and how much was written since: a run that read nearly what an earlier
 * run has read, give or take what was written in between, may be of the same key. That gives the fewest keys, and with
 * them the fewest computations, that explain the log. The most is one for each run.
 */

/** Between the fewest and the most that the log allows; `likely` is their geometric mean. */
export interface Range {
  fewest: number;
  likely: number;
  most: number;
}

/** What the runs of a query say about a view in its place. */
export interface Recomputes {
  /** How often the view is computed. */
  times: Range;
  /** The mutations that change what it is computed from. */
  writes: Range;
}

/** The runs that may be of one key. */
interface Key {
  documents: number;
  bytes: number;
  /** What had been written by its last run. */
  written: Written;
  /** When the view is computed for it, in ms since 1970: at the end of the window, when it was computed in this one. */
  computedAt: number;
}

/** What all mutations have written together. */
interface Written {
  mutations: number;
  documents: number;
  bytes: number;
}

/** From run to run, what a key reads grows or shrinks by at most this share of itself, or by two writes. */
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

/** Of the keys that a run may be of, the one whose last run read most nearly as much. */
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
