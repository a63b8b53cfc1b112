import type { PaginationOptions } from "convex/server";
import type { Value } from "convex/values";
import type { AnyQueryCtx, Row } from "../schema.js";
import type { Check } from "./shape.js";

/** What a predicate says of a row: `fresh`, it is served; `stale`, recomputed behind as well; `expired`, not served. */
export type Verdict = "fresh" | "stale" | "expired";

/** A cheap read of the sources, whose result is stored with the row and compared. */
export type Probe = (ctx: AnyQueryCtx, key: never) => unknown;

/** What a predicate looks at. */
export interface Sight {
  ctx: AnyQueryCtx;
  row: Row;
  /** Whether a tag of the key was invalidated since the row was computed; absent when the view has no tags. */
  isTagInvalidated?: (() => Promise<boolean>) | undefined;
  /** Whether a probe says something else than at the commit. */
  hasChanged(probe: Probe): Promise<boolean>;
}

/** Judges a row. Made by `invalidated`, `olderThan`, `changed`, `when`, and combined by `anyOf`, `allOf`, `not`. */
export interface Staleness<Key = never, Value = never> {
  /** @internal */
  readonly probes: readonly Probe[];
  /**
   * Ages in ms whose passing may change the verdict: a sweep looks at rows that reach one.
   * @internal
   */
  readonly ages: readonly number[];
  /**
   * Whether it asks for marks.
   * @internal
   */
  readonly asksMarks: boolean;
  /** @internal */
  judge(sight: Sight): Verdict | Promise<Verdict>;
  /**
   * Types only: what keys and values it can judge.
   * @internal
   */
  readonly types?: (row: Row<Key, Value>) => void;
}

/** Where a view's `compute` runs; see the option `mode`. */
export type Mode = "transaction" | "snapshot" | "action" | "paged";

/** How a view of the mode `paged` is computed. */
export interface PagedComputing {
  page(ctx: AnyQueryCtx, key: never, paginationOpts: PaginationOptions): unknown;
  initial(key: never): Value;
  reduce(accumulated: never, item: never, key: never): Value;
  finish(accumulated: never, key: never): unknown;
}

/** A view as the library handles it: the options of `defineView`, checked, without their types. */
export interface ViewDefinition {
  /** Also the name of its table. */
  readonly name: string;
  readonly version: number;
  readonly compatible: readonly number[];
  readonly windowMs: number;
  readonly mode: Mode;
  readonly timeoutMs: number;
  readonly onMissing: "null" | "compute";
  readonly leaseMs?: number | undefined;
  readonly maxParallel?: number | undefined;
  readonly evictAfterMs?: number | undefined;
  /** Whether what `compute` reads is recorded, in place of declared sources. */
  readonly isTracked: boolean;
  /** The views of the app, by their names; set by `new LazyViews`. */
  siblings?: ReadonlyMap<string, ViewDefinition>;
  /** Source table → document → the keys that depend on it. */
  readonly sources: Readonly<Record<string, (doc: never) => unknown>>;
  readonly applyChange?: ((value: never, change: never, key: never) => unknown) | undefined;
  /** The options `staleWhen` and `expiredWhen` in one. */
  readonly staleWhen: Staleness<never, never>;
  /** What a row counts as that cannot be judged: expired, in a view with `expiredWhen`. */
  readonly unjudged: "stale" | "expired";
  readonly tags?: ((key: never) => unknown) | undefined;
  /** Not in the mode `paged`. */
  readonly compute: (ctx: AnyQueryCtx, key: never) => unknown;
  /** In the mode `paged` only. */
  readonly paged?: PagedComputing | undefined;
  readonly checkKey: Check;
  readonly checkValue: Check;
}
