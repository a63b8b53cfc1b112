import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import type { Row } from "../views/viewTable.js";

/**
 * What a predicate says of a row.
 * - `fresh`: it is served as it is.
 * - `stale`: it is served, and recomputed behind.
 * - `expired`: it is not served.
 */
export type Verdict = "fresh" | "stale" | "expired";

/** A query's ctx, as a probe or predicate gets it. */
export type AnyQueryCtx = GenericQueryCtx<GenericDataModel>;

/** A cheap read of the sources, whose result is stored with the row and compared. */
export type Probe = (ctx: AnyQueryCtx, key: never) => unknown;

/** What a predicate looks at. */
export interface Sight {
  ctx: AnyQueryCtx;
  row: Row;
  /** Whether a tag of the key was invalidated since the row was computed; absent when the view has no tags. */
  isTagInvalidated?: (() => Promise<boolean>) | undefined;
  /** What the i-th probe says now, as canonical text. */
  probe(index: number): Promise<string>;
}

/**
 * Says of a row whether it is fresh, stale or expired. Made by `invalidated`, `olderThan`, `changed`, `when`, and
 * combined by `anyOf`, `allOf`, `not`.
 */
export interface Staleness<Key = never, Value = never> {
  readonly probes: readonly Probe[];
  /** Ages in ms whose passing may change the verdict: rows are marked when they reach one. */
  readonly ages: readonly number[];
  /** @param firstProbe - Where this predicate's probes start among those of the whole view. */
  judge(sight: Sight, firstProbe: number): Verdict | Promise<Verdict>;
  /** Types only: what keys and values it can judge. */
  readonly types?: (row: Row<Key, Value>) => void;
}

/** How severe a verdict is: `expired` over `stale` over `fresh`. */
export const SEVERITY: Record<Verdict, number> = { fresh: 0, stale: 1, expired: 2 };
