import type { PaginationOptions } from "convex/server";
import type { Value } from "convex/values";
import type { AnyQueryCtx, Row } from "../schema.js";
import type { Check } from "./shape.js";

/**
 * What a predicate says of a row.
 * - `fresh`: it is served.
 * - `stale`: it is served, and recomputed in the background.
 * - `expired`: it is not served, and recomputed.
 */
export type Verdict = "fresh" | "stale" | "expired";

/** A cheap read of the sources. Its result is stored with the row, and compared at each read. */
export type Probe = (ctx: AnyQueryCtx, key: never) => unknown;

/** What a predicate looks at. */
export interface Sight {
  ctx: AnyQueryCtx;
  row: Row;
  /** Whether a tag of the row was invalidated since it was computed; absent when it has no tags. */
  isTagInvalidated?: (() => Promise<boolean>) | undefined;
  /** Whether a probe returns something else than at the commit. */
  hasChanged(probe: Probe): Promise<boolean>;
}

/**
 * A predicate: it says whether a row is fresh, stale or expired. {@link invalidated}, {@link olderThan}, {@link
 * changed} and {@link when} make one; {@link anyOf}, {@link allOf} and {@link not} combine several.
 */
export interface Staleness<Key = never, Value = never> {
  /**
   * The probes that it asks.
   * @internal
   */
  readonly probes: readonly Probe[];
  /**
   * The ages at which its verdict may change, in ms. A sweep looks at rows that reach one.
   * @internal
   */
  readonly ages: readonly number[];
  /**
   * Whether it asks if the row is marked.
   * @internal
   */
  readonly asksMarks: boolean;
  /** @internal */
  judge(sight: Sight): Verdict | Promise<Verdict>;
  /**
   * Only for types: the rows that it can judge.
   * @internal
   */
  readonly types?: (row: Row<Key, Value>) => void;
}

/** Where the values of a view are computed: see the option `mode` of {@link ViewOptions}. */
export type Mode = "transaction" | "snapshot" | "action" | "paged";

/** How a view of the mode `paged` is computed. */
export interface PagedComputing {
  page(ctx: AnyQueryCtx, key: never, paginationOpts: PaginationOptions): unknown;
  initial(key: never): Value;
  reduce(accumulated: never, item: never, key: never): Value;
  finish(accumulated: never, key: never): unknown;
}

/** A view inside the library: the options of `defineView`, checked, and without their types. */
export interface ViewDefinition {
  /** The name of the view and of its table. */
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
  /** Source table → function from a document to the keys that depend on it. */
  readonly sources: Readonly<Record<string, (doc: never) => unknown>>;
  readonly applyChange?: ((value: never, change: never, key: never) => unknown) | undefined;
  /** The options `staleWhen` and `expiredWhen` in one. */
  readonly staleWhen: Staleness<never, never>;
  /**
   * The verdict on a row that cannot be judged, as its predicate throws: expired in a view with `expiredWhen`, else
   * stale.
   */
  readonly unjudged: "stale" | "expired";
  readonly tags?: ((key: never) => unknown) | undefined;
  /** Not in the mode `paged`. */
  readonly compute: (ctx: AnyQueryCtx, key: never) => unknown;
  /** In the mode `paged` only. */
  readonly paged?: PagedComputing | undefined;
  readonly checkKey: Check;
  readonly checkValue: Check;
}
