import {
  type DataModelFromSchemaDefinition,
  type DocumentByName,
  defineTable,
  type GenericActionCtx,
  type GenericDatabaseReader,
  type GenericDatabaseWriter,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type SchemaDefinition,
} from "convex/server";
import { type GenericId, type VAny, type Value, v } from "convex/values";

/*
 * Every table and every field that the library stores: who writes it, how often, and why it lives there.
 *
 * The rule behind it: a reader reads one document, its row; and what changes often never shares a document with what
 * readers or source writes read. Points in time are in ms since 1970, snapshots in ns.
 *
 * Fields and tables of release 0.1 that are not used any more are listed as optional, so that a deployment whose
 * documents still have them can be pushed to. Rows that have them are read as out of date, and replaced.
 */

/** The fields of a row: one document for each key of a view that was ever computed. */
export function rowFields() {
  const time = v.number();
  const maybeTime = v.optional(time);
  const anyValue = v.any() as VAny<Value>;
  const maybeAny = v.optional(anyValue);
  return {
    /** The canonical text of the key. Written once. */
    key: v.string(),
    /** The key itself, for indexes of the app. Written once. */
    args: anyValue,
    /** Written by commits, and by changes that `applyChange` takes in. */
    value: anyValue,
    /** The view's version that computed the value. */
    version: v.number(),
    /** The snapshot that the value was computed from. It grows with each commit of a key, so it also names the commit. */
    asOf: v.int64(),
    /** When the value was committed. */
    computedAt: time,
    /** The mark: the first change since the commit. Written once for a commit, however many changes follow. */
    dirtyAt: maybeTime,
    /** When the mark was set again, because nothing had come of it for the grace: subscribers run and ask once more. */
    nudgedAt: maybeTime,
    /** A recompute is on its way, so that readers raise nothing. A sweep takes it away when nothing has come by then. */
    pendingUntil: maybeTime,
    /** What the probes of `changed` said at the commit. */
    probes: maybeAny,
    /** When a sweep has to look at the row: at its next age, or when `pendingUntil` is over. */
    expiresAt: maybeTime,
    /** The last commit of a recompute that a reader had asked for. */
    askedAt: maybeTime,
    /** Until then, writes that make the row stale have it recomputed. Renewed by commits that a reader asked for. */
    leaseUntil: maybeTime,
    // Of release 0.1.
    seq: maybeTime,
    aged: maybeTime,
    dirtySince: maybeTime,
    pending: maybeAny,
    refreshing: maybeAny,
  };
}

/**
 * The library's own tables: spread them into the app's schema.
 *
 * ```ts
 * export default defineSchema({ ...lazyTables, flights: defineTable({ … }) });
 * ```
 */
export const lazyTables = /* @__PURE__ */ defineLazyTables();

/** A function, so that bundles leave the tables out of every module but the app's schema. */
function defineLazyTables() {
  const time = v.number();
  const snapshot = v.int64();
  const jobId = v.id("_scheduled_functions");
  const maybeAny = v.optional(v.any() as VAny<Value>);
  return {
    // The ledger: one entry a key while its window lasts. Written when a window opens or is taken, when a job is put off
    // to its end, and when work fails or recovers; never by a duplicate, and never read by readers.
    lazyEffects: defineTable({
      key: v.string(),
      target: v.string(),
      windowEndsAt: time,
      // Absent: the window is for the job that was scheduled with it. False: nothing had come of the window before, so
      // the first of the key's jobs to start takes this one, however late it is. True: a job has taken it.
      taken: v.optional(v.boolean()),
      // What the reader of the last dispatched effect saw: the row's `asOf`, 0 for none. Another one is news.
      seen: v.optional(snapshot),
      // The job at the end of the window: a recompute that was put off, or the retry of one that failed.
      trailingJob: v.optional(jobId),
      failure: v.optional(v.object({ message: v.string(), attempts: v.number(), failedAt: time, retryAt: time })),
      // When a sweep deletes the entry: with its window, later when it holds a failure.
      expiresAt: time,
      seq: v.optional(v.number()), // Of release 0.1.
    })
      .index("by_key", ["key"])
      .index("by_expiry", ["expiresAt"])
      .index("by_failure", ["failure.failedAt"]),

    // One document for each span of time in which something is due in a table: what inserts it schedules the sweep.
    // Written twice a span, however much is due in it. Of release 0.1 there is no kind.
    lazySweeps: defineTable({
      kind: v.optional(v.union(v.literal("due"), v.literal("evict"))),
      table: v.string(),
      sweepAt: time,
    }).index("by_sweep", ["table", "kind", "sweepAt"]),

    // One document for each tag that was ever invalidated. Written by `invalidateTag`, read by each read of a row whose
    // key has the tag: it changes only when all of them have to be judged again.
    lazyTags: defineTable({ tag: v.string(), bumpedAt: v.commitTs() }).index("by_tag", ["tag"]),

    // One document for each run while it lasts. Written at its begin, by the first change during it, and at its end;
    // read by source writes of views that compute outside one transaction, so pages live elsewhere.
    lazyRuns: defineTable({
      view: v.string(),
      key: v.string(),
      version: v.number(),
      // Absent in release 0.1.
      args: v.optional(v.any()) as VAny<Record<string, Value> | undefined, "optional">,
      // The snapshot at the begin: the value of an action or of pages is as of it.
      asOf: v.optional(snapshot),
      byWrite: v.optional(v.literal(true)),
      turn: v.optional(v.id("lazyTurns")),
      probes: v.optional(v.array(v.string())),
      // The first change during the run: the commit turns it into the row's mark.
      touchedAt: v.optional(time),
      // The job that goes on with the run, and when a sweep asks Convex whether it has died.
      job: v.optional(jobId),
      expiresAt: v.optional(time),
      // Of release 0.1.
      run: v.optional(snapshot),
      cursor: maybeAny,
      accumulated: maybeAny,
      pages: maybeAny,
      items: maybeAny,
      numItems: maybeAny,
      startedAt: v.optional(time),
      updatedAt: v.optional(time),
    })
      .index("by_row", ["view", "key"])
      .index("by_expiry", ["expiresAt"]),

    // How far a run of the mode `paged` has come: one document while it lasts, written by each page. Only the run itself
    // and `view.progress` read it.
    lazyPages: defineTable({
      run: v.id("lazyRuns"),
      cursor: v.union(v.string(), v.null()),
      accumulated: v.any() as VAny<Value>,
      pages: v.number(),
      items: v.number(),
      // How many items the next page should have.
      numItems: v.number(),
      // The job that reads the next page; absent before the first.
      job: v.optional(jobId),
      startedAt: time,
      updatedAt: time,
    }).index("by_run", ["run"]),

    // One document for each key of a view with `maxParallel` that waits for its turn, or has one. Written when it waits,
    // when it starts, and when it ends.
    lazyTurns: defineTable({
      view: v.string(),
      key: v.string(),
      // The attempt that waits, or has started.
      job: v.any() as VAny<Value>,
      // The scheduled job that has the turn; absent while the key waits.
      running: v.optional(jobId),
      // When a sweep asks Convex whether that job has died.
      expiresAt: v.optional(time),
    })
      .index("by_state", ["view", "running"])
      .index("by_key", ["view", "key"])
      .index("by_expiry", ["expiresAt"]),

    // One document. Written twice for each canary, and when the route finds foreign topics, once a minute at most.
    lazyHealth: defineTable({
      // When the last canary was sent, when the last one arrived, and how long it took, in ms.
      sentAt: v.optional(time),
      arrivedAt: v.optional(time),
      delayMs: v.optional(v.number()),
      // Canaries in a row that had not arrived when the next one was sent.
      missed: v.number(),
      // When events came of topics that loop, and which.
      foreignAt: v.optional(time),
      foreignTopics: v.optional(v.string()),
      // Of release 0.1.
      unauthorizedAt: v.optional(time),
      views: maybeAny,
    }),
  };
}

type LazyDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof lazyTables, true>>;
/** A database, as far as the library's own tables are concerned. */
export type LazyReader = GenericDatabaseReader<LazyDataModel>;
export type LazyWriter = GenericDatabaseWriter<LazyDataModel>;
export type Entry = DocumentByName<LazyDataModel, "lazyEffects">;
export type Run = DocumentByName<LazyDataModel, "lazyRuns">;
export type Turn = DocumentByName<LazyDataModel, "lazyTurns">;

export type AnyQueryCtx = GenericQueryCtx<GenericDataModel>;
export type AnyMutationCtx = GenericMutationCtx<GenericDataModel>;
export type AnyActionCtx = GenericActionCtx<GenericDataModel>;
export type AnyReader = GenericDatabaseReader<GenericDataModel>;
export type AnyWriter = GenericDatabaseWriter<GenericDataModel>;

/** The library's own tables in a database. */
export function lazyDb(db: AnyWriter): LazyWriter;
export function lazyDb(db: AnyReader): LazyReader;
export function lazyDb(db: unknown): unknown {
  return db;
}

/** The stored document of a view: one row. Readers read it and nothing else. */
export interface Row<Key = unknown, Value = unknown> {
  /** The canonical text of the key object. */
  key: string;
  args: Key;
  value: Value;
  /** The view's version that computed the value. */
  version: number;
  /** The snapshot that the value was computed from, in nanoseconds since 1970. It grows with each commit of a key. */
  asOf: bigint;
  /** When it was committed, in ms since 1970. */
  computedAt: number;
  /** When a source changed first since the commit, in ms since 1970. */
  dirtyAt?: number;
  /** When it was marked again because nothing had come of the mark, in ms since 1970. */
  nudgedAt?: number;
  /** A recompute is on its way, and readers need not ask; until then at most, in ms since 1970. */
  pendingUntil?: number;
  /** What the probes of `changed` said at the commit. */
  probes?: string[];
  /** When a sweep looks at it next, in ms since 1970. */
  expiresAt?: number;
  /** When a recompute was last committed that a reader had asked for, in ms since 1970. */
  askedAt?: number;
  /** Until then, writes that make it stale have it recomputed, in ms since 1970. */
  leaseUntil?: number;
}

/** A row as it is stored. One of release 0.1 has a `seq`: the number of its commits, 0 in place of a first value. */
export type StoredRow = Row & { _id: GenericId<string>; _creationTime: number; seq?: number };
