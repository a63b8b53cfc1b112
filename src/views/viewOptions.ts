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

/** Modes whose values a query can compute. */
export type QueryMode = "transaction" | "snapshot";

/** Stands for a type that could not be inferred because of a mistake elsewhere, so that there is one error. */
export type Unknown = AnyDataModel[string]["document"];

/** The data model of a view whose functions do not annotate `ctx`. */
export type Unannotated = Record<typeof ANNOTATE, GenericTableInfo>;
declare const ANNOTATE: "annotate ctx, as in (ctx: QueryCtx, …)";
/** A `ctx` without annotation is `never`, for which TypeScript reports the name of the property in conflict. */
type Ctx<DataModel, Annotated> = [DataModel] extends [Unannotated]
  ? Record<typeof ANNOTATE, 1> & Record<typeof ANNOTATE, 2>
  : Annotated;

/** What `defineView` takes, in a mode. */
export type ViewOptions<
  K extends Shape,
  V extends Shape,
  DataModel extends GenericDataModel,
  Sources,
  Item,
  Accumulated,
  M extends Mode = Mode,
  Missing extends "null" | "compute" = "null" | "compute",
> = BaseOptions<ViewTable<K, V>, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>, Sources> & {
  /**
   * Where a value is computed. Default: `transaction`. In the others, a source that changes meanwhile leaves it stale.
   * - `transaction`: in the mutation that commits the row; Convex retries it when a source changes meanwhile.
   * - `snapshot`: in a snapshot, so that it conflicts with no writer of its sources.
   * - `action`: in an action, which may call the outside world.
   * - `paged`: over any number of documents, each page in a snapshot of its own. Only a page that fails is tried again.
   */
  mode?: M;
  /**
   * What a reader gets when there is no value: what `compute` says in the query (whose reads it then adds to, and which
   * throws what it throws); or null, for computes that are too dear for a reader. Default: "compute" in the modes
   * `transaction` and `snapshot`; else "null".
   */
  onMissing?: M extends QueryMode ? Missing : "null";
} & ([M] extends ["paged"]
    ? Record<PagedPart, unknown> & TimeLimit
    : NotPaged<M, DataModel, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>>) &
  Paged<DataModel, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>, Item, Accumulated>;

type NotPaged<M extends Mode, DataModel extends GenericDataModel, Key, Value> = Partial<Record<PagedPart, undefined>> &
  ([M] extends ["action"]
    ? ComputedBy<Ctx<DataModel, GenericActionCtx<DataModel> & EffectCtx>, Key, Value> & TimeLimit
    : ComputedBy<Ctx<DataModel, GenericQueryCtx<DataModel> & EffectCtx>, Key, Value>);

interface ComputedBy<Ctx, Key, Value> {
  /**
   * Computes the value of a key; `undefined` counts as null. It may only read, and must depend on nothing but the key
   * and what it reads: `ctx.auth` throws; in a tracked view also what cannot be tracked, such as `ctx.runQuery`. It may
   * read other views, with `ctx: QueryCtx & EffectCtx`: those of the mode `transaction` are never stale there. In the
   * mode `action` it runs again when its action dies.
   */
  compute: (ctx: Ctx, key: Key) => Value | Promise<Value>;
}

interface TimeLimit {
  /** An action that has not ended by then, or a run without a new page, begins anew. Default: 10 minutes. */
  timeout?: Duration;
}

/** What a view of the mode `paged` has in place of `compute`. */
export type PagedPart = "page" | "initial" | "reduce" | "finish";

/** In each mode, as TypeScript infers `Item` only from options whose presence depends on no other option. */
interface Paged<DataModel extends GenericDataModel, Key, Value, Item, Accumulated> {
  /** Reads a page: hand `paginationOpts` to `.paginate()`. Its `numItems` follows from what pages before took. */
  page?: (
    ctx: Ctx<DataModel, GenericQueryCtx<DataModel> & EffectCtx>,
    key: Key,
    paginationOpts: PaginationOptions,
  ) => Promise<PaginationResult<Item>>;
  /** What is accumulated before the first page: a Convex value. */
  initial?: (key: Key) => Accumulated;
  /** Takes an item in. It must depend on nothing but its arguments. At most 1 MiB is accumulated. */
  reduce?: (accumulated: Accumulated, item: Item, key: Key) => Accumulated;
  /** The value, after the last page. */
  finish?: (accumulated: Accumulated, key: Key) => Value;
}

interface BaseOptions<Table, Key, Value, Sources> {
  /** The view's table, made by `viewTable`. */
  table: Table;
  /** Bump it when `compute` or the value changes: rows of older versions are not served any more. Default: 1. */
  version?: number;
  /** Older versions whose rows may still be served until they are recomputed. Default: none. */
  compatible?: readonly number[];
  /**
   * Source table → document → the keys that depend on it. Applied to the old and the new document of a change.
   * Annotate the parameter: `(flight: Doc<"flights">) => [{ airport: flight.origin }]`. `{}`: no table marks rows.
   *
   * Default: a view that asks `invalidated()` is *tracked*. Each commit records what `compute` has read, and a change
   * of that marks the row. Declare sources for cheaper writes, `applyChange`, and modes other than `transaction`.
   */
  sources?: Sources & Record<keyof Sources, KeysOf<Key>>;
  /**
   * Brings a value up to date with one change of a source, in the transaction of that change. So the row stays fresh
   * without a recompute; but each change writes the row, and writers of one key conflict. With `lease`, only while
   * readers ask for the row. Default: changes only mark.
   *
   * It must depend on nothing but its arguments. When it returns `undefined` (the greatest item was removed, say) or
   * throws, the row is marked instead. Do not combine it with `changed`, which probes at computes only.
   * `applyChange: ({ count }, { before, after }) => ({ count: count + (after ? 1 : 0) - (before ? 1 : 0) })`
   */
  applyChange?: (value: Value, change: ChangeOf<NoInfer<Sources>>, key: Key) => Value | undefined;
  /** When a row is out of date: it is served, and recomputed behind. Default: `invalidated()`. */
  staleWhen?: Staleness<Key, Value>;
  /**
   * When a row is not served any more, but what `onMissing` says, and recomputed. Default: never.
   * `expiredWhen: invalidated()` never serves a value from before a change.
   */
  expiredWhen?: Staleness<Key, Value>;
  /**
   * The tags of a key, at most 200, told by nothing but the key: rows are out of date, as `invalidated()` tells, after
   * `lazy.invalidateTag` of one of theirs. Default: none.
   */
  tags?: (key: Key) => string[];
  /** At most one recompute of a key starts in this time. Default: 10 seconds. */
  window?: Duration;
  /**
   * For this long after a reader asked for a row, writes that make it stale have it recomputed, once a window: its
   * subscribers see the new value without asking. Default: writes only mark.
   */
  lease?: Duration;
  /**
   * How many recomputes of the view run at a time; others wait. Each takes one more mutation. An action that is given
   * up after `timeout` loses its turn, though it may still run. Default: as many as Convex runs.
   */
  maxParallel?: number;
  /**
   * How long a row stays that no reader asks for, at least a minute, so that keys that strangers make up do not fill
   * the table. A row that is watched is written twice in that time; one whose last reader has gone is deleted after one
   * and a half times as long at most. Default: rows stay.
   */
  evictAfter?: Duration;
}

/** A change of a source: `before` is null when the key did not have the document, `after` when it has it no more. */
export type ChangeOf<Sources> = {
  [Table in keyof Sources]: {
    table: Table;
    before: DocumentOf<Sources[Table]> | null;
    after: DocumentOf<Sources[Table]> | null;
  };
}[keyof Sources];

type DocumentOf<ToKeys> = ToKeys extends (doc: infer Document) => unknown ? Document : never;

/** A method, as parameters of methods are bivariant: the document may have any type. */
type KeysOf<Key> = {
  of(document: object & { "annotate the document: (order: Doc<'orders'>) => …"?: never }): Key[];
}["of"];

/** Types only: takes the documents that a view needs the schema to have, by their tables: its rows, and its sources. */
export type Needs<Name extends string, Key, Value, Sources> = (
  documents: (string extends Name ? unknown : Record<Name, Row<Key, Value>>) & {
    [Table in keyof Sources]: DocumentOf<Sources[Table]>;
  },
) => void;
