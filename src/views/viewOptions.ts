import type {
  GenericActionCtx,
  GenericDataModel,
  GenericQueryCtx,
  PaginationOptions,
  PaginationResult,
} from "convex/server";
import type { EffectCtx } from "../effects/collector.js";
import type { Staleness } from "../model/definition.js";
import type { Shape, ShapeType } from "../model/shape.js";
import type { Duration } from "../values/duration.js";
import type { ViewTable } from "./viewTable.js";

/** What `defineView` takes. */
export type ViewOptions<
  K extends Shape,
  V extends Shape,
  DataModel extends GenericDataModel,
  Sources,
  Item,
  Accumulated,
> = BaseOptions<ViewTable<K, V>, ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>, Sources> &
  Computing<ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>, DataModel, Item, Accumulated>;

/** How a view's values are computed. */
type Computing<Key, Value, DataModel extends GenericDataModel, Item, Accumulated> =
  | {
      /**
       * - `transaction`, the default: in the mutation that commits the row. A source that changes meanwhile makes
       *   Convex run one of the two again.
       * - `snapshot`: in a snapshot, so that it conflicts with no writer of its sources. A source that changes
       *   meanwhile leaves the row stale.
       */
      mode?: "transaction" | "snapshot";
      /** What a reader gets when there is no value: null, or what `compute` says in the query. Default: "null". */
      onMissing?: "null" | "compute";
      /** Computes the value of a key. It may only read, and must depend on nothing but the key and what it reads. */
      compute: (ctx: GenericQueryCtx<DataModel>, key: Key) => Value | Promise<Value>;
    }
  | {
      /** In an action, which may call the outside world. A source that changes meanwhile leaves the row stale. */
      mode: "action";
      onMissing?: "null";
      /** Computes the value of a key. It may run more than once, when its action dies. */
      compute: (ctx: GenericActionCtx<DataModel> & EffectCtx, key: Key) => Value | Promise<Value>;
      /** After this time an action that has not ended is given up, and tried again. Default: 10 minutes. */
      timeout?: Duration;
    }
  | {
      /**
       * Page by page, over many transactions, so over any number of documents. Each page is read in a snapshot. A
       * source that changes meanwhile leaves the row stale. A page that fails is tried again; the others are not.
       */
      mode: "paged";
      onMissing?: "null";
      /** Reads a page: hand `paginationOpts` to `.paginate()`. Its `numItems` follows from what pages before took. */
      page: (
        ctx: GenericQueryCtx<DataModel>,
        key: Key,
        paginationOpts: PaginationOptions,
      ) => Promise<PaginationResult<Item>>;
      /** What is accumulated before the first page: a Convex value. */
      initial: (key: Key) => Accumulated;
      /** Takes an item in. It must depend on nothing but its arguments. At most 1 MiB is accumulated. */
      reduce: (accumulated: Accumulated, item: Item, key: Key) => Accumulated;
      /** The value, after the last page. */
      finish: (accumulated: Accumulated, key: Key) => Value;
      /** After this time without a page the run is given up, and begun anew. Default: 10 minutes. */
      timeout?: Duration;
    };

/** What a view is about, and when its rows are out of date. */
interface BaseOptions<Table, Key, Value, Sources> {
  /** The view's table, made by `viewTable`. */
  table: Table;
  /** Bump it when `compute` or the value changes: rows of older versions are not served any more. Default: 1. */
  version?: number;
  /** Older versions whose rows may still be served until they are recomputed. Default: none. */
  compatible?: readonly number[];
  /**
   * Source table → document → the keys that depend on it. Applied to the old and the new document of a change.
   * Annotate the parameter: `(flight: Doc<"flights">) => [{ airport: flight.origin }]`.
   */
  sources?: Sources & Record<keyof Sources, (doc: never) => Key[]>;
  /**
   * Brings a value up to date with one change of a source, in the transaction of that change: what `compute` would say
   * now, told from what it said before. So the row stays fresh without a recompute; but each such change writes the
   * row, and writers of one key conflict. With `lease`, only while readers ask for the row. Default: changes only mark.
   *
   * It must depend on nothing but its arguments. When it returns `undefined` (the greatest item was removed, say) or
   * throws, the row is marked as out of date instead. Do not combine it with `changed`, which probes at computes only.
   *
   * ```ts
   * applyChange: ({ count }, { before, after }) => ({ count: count + (after ? 1 : 0) - (before ? 1 : 0) }),
   * ```
   */
  applyChange?: (value: Value, change: ChangeOf<NoInfer<Sources>>, key: Key) => Value | undefined;
  /** When a row is out of date: it is served, and recomputed behind. Default: `invalidated()`. */
  staleWhen?: Staleness<Key, Value>;
  /**
   * When a row must not be served any more: its readers get what `onMissing` says, and it is recomputed. Default:
   * never. `expiredWhen: invalidated()` never serves a value from before a change.
   */
  expiredWhen?: Staleness<Key, Value>;
  /**
   * The tags of a key, at most 200: `lazy.invalidateTag` makes every row out of date whose key has the tag, as
   * `invalidated()` tells. It must depend on nothing but the key. Default: none.
   */
  tags?: (key: Key) => string[];
  /** At most one recompute of a key starts in this time. Default: 10 seconds. */
  window?: Duration;
  /**
   * After a reader asked for a row, how long writes that make it stale have it recomputed, once a window: its
   * subscribers see the new value without asking. For rows that many watch. Default: writes never do.
   */
  lease?: Duration;
  /**
   * How many recomputes of the view run at a time; others wait for their turn. For expensive computes and outside
   * services. Each recompute takes one more mutation. An action that is given up after `timeout` loses its turn, though
   * it may still run. Default: as many as Convex runs.
   */
  maxParallel?: number;
  /**
   * How long a row stays that no reader asks for, fresh or stale, before it is deleted in the background. At least a
   * minute. So the keys that strangers make up do not fill the table; a row that is watched stays, at two writes in that
   * time, and one whose last reader has gone for one and a half times as long at most. Default: rows stay.
   */
  evictAfter?: Duration;
}

/**
 * A change of one of the sources, as far as it is a key's own: `before` is null when the key did not have the document
 * before, and `after` when it does not have it any more.
 */
export type ChangeOf<Sources> = {
  [Table in keyof Sources]: {
    table: Table;
    before: DocumentOf<Sources[Table]> | null;
    after: DocumentOf<Sources[Table]> | null;
  };
}[keyof Sources];

type DocumentOf<ToKeys> = ToKeys extends (doc: infer Document) => unknown ? Document : never;

/** The sources in the option `sources`, each apart. */
export type SourceIn<Sources> = { [Table in keyof Sources]: { table: Table; toKeys: Sources[Table] } }[keyof Sources];
