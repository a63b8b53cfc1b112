import type {
  AnyDataModel,
  GenericActionCtx,
  GenericDataModel,
  GenericQueryCtx,
  GenericTableInfo,
  PaginationOptions,
  PaginationResult,
} from "convex/server";
import type { EffectCtx } from "../effects/collector.js";
import type { Mode, Staleness } from "../model/definition.js";
import type { Shape, ShapeType } from "../model/shape.js";
import type { Row } from "../schema.js";
import type { Duration } from "../values/duration.js";
import type { ViewTable } from "./viewTable.js";

/** The modes whose values a query can compute by itself: `compute` gets the ctx of a query there. */
export type QueryMode = "transaction" | "snapshot";

/** Replaces a type that TypeScript could not infer because of another mistake, so that it reports only that mistake. */
export type Unknown = AnyDataModel[string]["document"];

/** The data model of a view whose functions do not annotate `ctx`. */
export type Unannotated = Record<typeof ANNOTATE, GenericTableInfo>;
declare const ANNOTATE: "annotate ctx, as in (ctx: QueryCtx, …)";
/** A `ctx` without annotation is `never`, for which TypeScript reports the name of the property in conflict. */
type Ctx<DataModel, Annotated> = [DataModel] extends [Unannotated]
  ? Record<typeof ANNOTATE, 1> & Record<typeof ANNOTATE, 2>
  : Annotated;

/**
 * The options of {@link defineView}: those of {@link CommonOptions} and the two below; {@link ComputeOption}, or {@link
 * PagedOptions} in the mode `paged`; and {@link TimeoutOption} in the modes `action` and `paged`. Only `table` and the
 * functions that compute the value are required.
 *
 * TypeScript cannot infer some parameters. Annotate `ctx` in `compute` and `page`, the documents in `sources`, and the
 * parameters of functions that you give to `changed` and `when`.
 */
export type ViewOptions<
  K extends Shape,
  V extends Shape,
  DataModel extends GenericDataModel,
  Sources,
  Item,
  Accumulated,
  M extends Mode = Mode,
  Missing extends "null" | "compute" = "null" | "compute",
> = CommonOptions<ViewTable<K, V>, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>, Sources> & {
  /**
   * Where a value is computed. Default: `transaction`.
   * - `transaction`: in the mutation that commits the row. When a source changes meanwhile, Convex runs one of the two
   *   again. Use it when the sources of a key fit into one transaction and are not written all the time.
   * - `snapshot`: in a snapshot of the database, so that the recompute conflicts with no writer of its sources. Use it
   *   for sources that change many times a second.
   * - `action`: in an action, where `compute` may call `fetch` and other services. Export `act`, too.
   * - `paged`: page by page, each in a snapshot of its own. Use it when a key has more sources than one transaction may
   *   read. Only a page that fails is read again.
   *
   * All modes but `transaction` need `sources`, unless the predicates of the view do not use `invalidated()`. While
   * such a recompute lasts, readers get the old value, or what `onMissing` says. When a source changes meanwhile, the
   * commit marks the new row as stale.
   */
  mode?: M;
  /**
   * What a reader gets when the row is missing or expired. The recompute is raised in both cases.
   * - `"compute"`, the default in the modes `transaction` and `snapshot`: the reading query or mutation calls `compute`
   *   and returns its value. Until the row exists, that query reads what `compute` reads, depends on it, and throws
   *   what it throws.
   * - `"null"`, the default and only choice in the modes `action` and `paged`: null, at the cost of one document.
   *   Choose it when `compute` is too expensive for a reader. Then `get` is typed with `null`.
   */
  onMissing?: M extends QueryMode ? Missing : "null";
} & ([M] extends ["paged"]
    ? Record<PagedPart, unknown> & TimeoutOption
    : NotPaged<M, DataModel, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>>) &
  PagedOptions<DataModel, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>, Item, Accumulated>;

type NotPaged<M extends Mode, DataModel extends GenericDataModel, Key, Value> = Partial<Record<PagedPart, undefined>> &
  ([M] extends ["action"]
    ? ComputeOption<Ctx<DataModel, GenericActionCtx<DataModel> & EffectCtx>, Key, Value> & TimeoutOption
    : ComputeOption<Ctx<DataModel, GenericQueryCtx<DataModel> & EffectCtx>, Key, Value>);

/** How a value is computed, in all modes but `paged`. */
export interface ComputeOption<Ctx, Key, Value> {
  /**
   * Computes the value of a key. It may only read, and must depend on nothing but the key and what it reads.
   * `undefined` is stored as null. A zod schema that transforms the value does so once, right after `compute`.
   *
   * - All readers share one row, so `ctx.auth` throws here. Put what matters about the user into the key. Do not ask
   *   for the user in a query that you call with `ctx.runQuery` either: Convex passes the identity on to it.
   * - It may read by id, through any index or search index, and other views, with `ctx: QueryCtx & EffectCtx`. A view
   *   of the mode `transaction` gives its current value there, never a stale one, and the row depends on what that
   *   value depends on.
   * - In a tracked view, what cannot be tracked throws when the row is recomputed: `ctx.runQuery` (and so components),
   *   `ctx.storage`, `ctx.db.system` and the tables of the library.
   * - What is not in the database is never tracked: the time, `process.env`, random numbers. Put it into the key, or
   *   add an age: `staleWhen: anyOf(invalidated(), olderThan({ hours: 1 }))`.
   * - In the mode `action`, it gets the ctx of an action. It may run again when its action has died.
   */
  compute: (ctx: Ctx, key: Key) => Value | Promise<Value>;
}

/** The time limit of a view of the mode `action` or `paged`. */
export interface TimeoutOption {
  /**
   * How long a run may take. It counts from the start of the run, from the late start of its action, or from its last
   * page. After that, a run whose job has died, or whose action has not ended, is given up and tried again; one whose
   * job has not started is waited for. Default: 10 minutes.
   */
  timeout?: Duration;
}

/** The options that a view of the mode `paged` has in place of `compute`. */
export type PagedPart = "page" | "initial" | "reduce" | "finish";

/**
 * How a view of the mode `paged` is computed: pages of items are read one after the other, and accumulated into a
 * value. All four are required in that mode, and not allowed in others. A run has at most 10,000 pages of up to 4,000
 * items.
 *
 * @example
 * ```ts
 * import { defineView, viewTable } from "convex-lazy-views";
 * import { v } from "convex/values";
 *
 * export const networkDelay = defineView("networkDelay", {
 *   table: viewTable({ key: {}, value: { flights: v.number(), meanDelay: v.number() } }),
 *   mode: "paged",
 *   sources: { flights: (_: Doc<"flights">) => [{}] },
 *   page: (ctx: QueryCtx, _key, paginationOpts) => ctx.db.query("flights").paginate(paginationOpts),
 *   initial: () => ({ flights: 0, minutes: 0 }),
 *   reduce: (sum, flight) => ({ flights: sum.flights + 1, minutes: sum.minutes + flight.delay }),
 *   finish: ({ flights, minutes }) => ({ flights, meanDelay: flights && minutes / flights }),
 * });
 * ```
 */
export interface PagedOptions<DataModel extends GenericDataModel, Key, Value, Item, Accumulated> {
  // Optional, because TypeScript infers `Item` only from options whose presence depends on no other option.
  /**
   * Reads one page, in a snapshot of the database. Pass `paginationOpts` on to `.paginate()`: the library adapts its
   * `numItems` to what the pages before have read. `ctx` only reads, and `ctx.auth` throws, as in `compute`.
   */
  page?: (
    ctx: Ctx<DataModel, GenericQueryCtx<DataModel> & EffectCtx>,
    key: Key,
    paginationOpts: PaginationOptions,
  ) => Promise<PaginationResult<Item>>;
  /** Returns what is accumulated before the first page: a Convex value. `undefined` is stored as null. */
  initial?: (key: Key) => Accumulated;
  /**
   * Adds one item to what was accumulated. It must depend on nothing but its arguments. The result has at most 1 MB; a
   * larger one makes the run fail. `undefined` is stored as null.
   */
  reduce?: (accumulated: Accumulated, item: Item, key: Key) => Accumulated;
  /** Makes the value of what was accumulated, after the last page. */
  finish?: (accumulated: Accumulated, key: Key) => Value;
}

/** The options that a view may have in every mode. */
export interface CommonOptions<Table, Key, Value, Sources> {
  /** The table of the view, made by {@link viewTable}. */
  table: Table;
  /**
   * The version of the view, a whole number from 1. Raise it when `compute` or the value changes: rows of other
   * versions are not served any more, as if they had expired. Default: 1.
   */
  version?: number;
  /** Older versions whose rows are still served, as stale, until they are recomputed. Default: none. */
  compatible?: readonly number[];
  /**
   * Declares which keys depend on a document: source table → document → keys. It is applied to the old and to the new
   * document of a change, and both their keys are marked. Annotate the parameter:
   * `sources: { flights: (flight: Doc<"flights">) => [{ airport: flight.origin }] }`.
   *
   * Name every key whose value the document can change. If the function misses a key, its row stays fresh and is wrong;
   * `uncovered()` of the test kit and the audits of the heartbeat find such keys. When the function throws, the
   * mutation does not commit. `{}` declares that no table makes a row stale.
   *
   * Default: the view is *tracked*. Each commit records what `compute` has read, and a change of that marks the row.
   * This needs the mode `transaction` and a predicate that uses `invalidated()`, as `staleWhen` does by default.
   * Declare sources for cheaper writes, for `applyChange`, and for the other modes.
   */
  sources?: Sources & Record<keyof Sources, KeysOf<Key>>;
  /**
   * Returns the value after one change of a source, so that a write updates the row in its own transaction and the row
   * stays fresh without a recompute. Each change then writes the row, so writers of one key conflict. In a view with
   * `lease`, changes are applied only while the row is leased. It needs `sources`. Default: a change only marks the row.
   *
   * It must depend on nothing but its arguments. The row is marked instead
   * - when it is marked already, has another version, or is being recomputed outside one transaction;
   * - when the function returns `undefined` (the greatest item was removed, say);
   * - when it throws, or returns a value that does not fit, or one that a zod schema would transform again. These are
   *   logged;
   * - when the view has a `lease`, and the row is not leased: the next reader's recompute begins the next lease;
   * - when the source is a view of the mode `transaction`: `compute` may have read a later value of it.
   *
   * Only the value changes. `olderThan` counts from the last compute, which repairs drift at low cost. A `changed`
   * probe that sees the change still calls the row stale, so do not combine the two.
   *
   * `applyChange: ({ count }, { before, after }) => ({ count: count + (after ? 1 : 0) - (before ? 1 : 0) })`
   */
  applyChange?: (value: Value, change: ChangeOf<NoInfer<Sources>>, key: Key) => Value | undefined;
  /**
   * When a row is out of date: it is served, and recomputed in the background. A predicate that throws is logged, and
   * the row counts as stale, or as expired in a view with `expiredWhen`. Default: `invalidated()`.
   */
  staleWhen?: Staleness<Key, Value>;
  /**
   * When a row must not be served any more: its readers get what `onMissing` says, and it is recomputed.
   * `expiredWhen: invalidated()` never serves a value from before a change. Default: never.
   */
  expiredWhen?: Staleness<Key, Value>;
  /**
   * Returns the tags of a key: at most 200 strings that are not empty. They must depend on nothing but the key. After
   * `lazy.invalidateTag` of one of them, `invalidated()` calls the row stale. Each tag is one document more that a read
   * looks at. A view with tags is tracked, too; give `sources: {}` if only its tags should make it stale. Default:
   * none.
   */
  tags?: (key: Key) => string[];
  /** At most one recompute of a key starts in this time. At most a year. Default: 10 seconds. */
  window?: Duration;
  /**
   * For this long after a recompute that a reader requested, writes of the row's sources and `invalidate` schedule the
   * next recompute themselves, at once or at the end of the window. They announce it in the row, so that its readers
   * raise nothing. Use it for rows that many clients watch. Tags, ages and probes do not schedule a recompute. When the
   * lease is over, the next write only marks the row. `warm` and `warmEach` count as readers. Default: writes only mark.
   */
  lease?: Duration;
  /**
   * How many recomputes of the view run at a time, a whole number from 1. The others wait for their turn, each key
   * once, and the end of a recompute starts the one that has waited longest. Each recompute takes one more mutation. A
   * recompute outside one transaction has its turn until it ends; an action that is given up after `timeout` loses its
   * turn, though it may still run. `refresh`, and queries that compute a missing value, take no turn. Default: no limit
   * but Convex's.
   */
  maxParallel?: number;
  /**
   * Deletes a row, fresh or stale, when no reader has asked for it for this long, so that keys which callers make up do
   * not fill the table. At least a minute. After half of the time a sweep notes in the row that it is *idle*. If a
   * reader then asks for it, it is in use again. A row that is idle for the other half is deleted.
   *
   * `get`, `read`, `getMany`, `readRows`, `warm` and `warmEach` ask for a row. `peek`, your own queries of the table,
   * `refresh`, and the `compute` of another view do not. A row that is watched is written twice in that time. One whose
   * last reader has gone is deleted after one and a half times as long at most. Sweeps may be late by a twentieth of
   * it. Default: rows stay, also those of older versions that nothing reads.
   */
  evictAfter?: Duration;
}

/**
 * A change of a source, as `applyChange` gets it: `table` names the source. `before` is null when the document did not
 * belong to the key, and `after` is null when it does not belong to the key any more.
 */
export type ChangeOf<Sources> = {
  [Table in keyof Sources]: {
    /** The source table that was written. */
    table: Table;
    /** The document before the change; null when it did not exist, or did not concern the key. */
    before: DocumentOf<Sources[Table]> | null;
    /** The document after the change; null when it was deleted, or does not concern the key any more. */
    after: DocumentOf<Sources[Table]> | null;
  };
}[keyof Sources];

type DocumentOf<ToKeys> = ToKeys extends (doc: infer Document) => unknown ? Document : never;

/** A method, because parameters of methods are bivariant: the document may have any type. */
type KeysOf<Key> = {
  of(document: object & { "annotate the document: (order: Doc<'orders'>) => …"?: never }): Key[];
}["of"];

/**
 * Only for types: a function of the documents that the schema must have for a view, by table. These are its rows and
 * those of its sources. `new LazyViews<DataModel>` compares them with the data model.
 */
export type Needs<Name extends string, Key, Value, Sources> = (
  documents: (string extends Name ? unknown : Record<Name, Row<Key, Value>>) & {
    [Table in keyof Sources]: DocumentOf<Sources[Table]>;
  },
) => void;
