import {
  type DataModelFromSchemaDefinition,
  type DocumentByName,
  defineTable,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type SchemaDefinition,
} from "convex/server";
import { type GenericId, type VAny, type Value, v } from "convex/values";

/*
 * Every table and field that the library stores: who writes it, how often, and why it is there. What changes often is
 * never in a document that readers or source writes read. Points in time are in ms since 1970, snapshots in ns. Fields
 * of release 0.1 stay as optional, so that a deployment that has them accepts a push; rows that have them are out of
 * date.
 */

/**
 * A row: what a view stores for a key that was computed once. A reader reads this document and, in most views, no
 * other. Points in time are in ms since 1970.
 *
 * A commit writes the row as a whole. Later, the first change writes `dirtyAt`, and a change after a grace `nudgedAt`;
 * `applyChange` writes `value`. A mutation that schedules a recompute may write `pendingUntil`, which a sweep or a
 * failed recompute removes. A sweep updates `expiresAt`. In views with `evictAfter`, a sweep also writes `idleAt`, and
 * the recompute that the next reader raises writes `askedAt`.
 *
 * Your own indexes may use `args` and `value`. The other fields belong to the library.
 */
export interface Row<Key = unknown, Value = unknown> {
  /** The key as canonical text: equal keys have the same text. */
  key: string;
  /** The key itself, for indexes of the app. */
  args: Key;
  /** The value that `compute` returned; null for undefined. */
  value: Value;
  /** The version of the view that computed the value. */
  version: number;
  /**
   * The snapshot that the value was computed from, in ns since 1970. It grows with each commit, and so identifies it.
   */
  asOf: bigint;
  /** When the value was committed. */
  computedAt: number;
  /** The mark: when a source changed first since the commit. */
  dirtyAt?: number;
  /** The kind of the change that marked the row, such as "insert into flights". Written with the mark. */
  markedBy?: string;
  /** When the row was marked again, because no recompute followed the mark: subscribers run and ask once more. */
  nudgedAt?: number;
  /** A recompute is announced, so readers raise nothing; until this time at most. */
  pendingUntil?: number;
  /** What the probes of `changed` returned at the commit, as text. */
  probes?: string[];
  /** When a sweep looks at the row: at its next age, or when `pendingUntil` or its idle time is over. */
  expiresAt?: number;
  /** When a recompute that a reader had raised was last committed, or took the row back from being idle. */
  askedAt?: number;
  /** When a sweep last marked the row as idle. It is idle while this is after `askedAt`. */
  idleAt?: number;
  /** The end of the lease: until then, writes that make the row stale schedule its recompute. */
  leaseUntil?: number;
  /**
   * Present when the dependencies of the row are recorded. `over`: the versions of the views that it was computed from.
   * `shared`: the dependencies that very many rows share, which its readers compare like tags.
   */
  tracked?: { over?: Record<string, number>; shared?: string[] };
}

/**
 * The bounds of a range on a field: "gt", "gte", "lt" or "lte", each with its value, or with none for a missing field.
 */
export type Bounds = { field: string; bounds: Value[][] };

/** A row as it is stored. `seq` is of release 0.1: the number of commits, 0 when the first value was still missing. */
export type StoredRow = Row & { _id: GenericId<string>; _creationTime: number; seq?: number };

/** What a recompute is about: a key, or a row. */
export type Asked = { args: unknown };
/** The row that a reader has seen; null for none. */
export type Seen = Pick<Row, "asOf"> | null;

/** The validators of the fields of a row. */
export function rowFields() {
  const maybeTime = v.optional(v.number());
  const anyValue = v.any() as VAny<Value>;
  const maybeAny = v.optional(anyValue);
  return {
    key: v.string(),
    args: anyValue,
    value: anyValue,
    version: v.number(),
    asOf: v.int64(),
    computedAt: v.number(),
    dirtyAt: maybeTime,
    markedBy: v.optional(v.string()),
    nudgedAt: maybeTime,
    pendingUntil: maybeTime,
    probes: maybeAny,
    expiresAt: maybeTime,
    askedAt: maybeTime,
    idleAt: maybeTime,
    leaseUntil: maybeTime,
    tracked: maybeAny,
    ...formerly("seq", "aged", "dirtySince", "pending", "refreshing"),
  };
}

/** Fields of release 0.1. */
function formerly<Name extends string>(...names: Name[]) {
  const field = v.optional(v.any() as VAny<Value>);
  return Object.fromEntries(names.map((name) => [name, field])) as Record<Name, typeof field>;
}

/**
 * The tables of the library, to be spread into the schema of the app. Only the library writes them.
 *
 * @example
 * ```ts
 * import { lazyTables } from "convex-lazy-views";
 * import { defineSchema, defineTable } from "convex/server";
 *
 * export default defineSchema({
 *   flights: defineTable({ origin: v.string(), destination: v.string(), delay: v.number() }),
 *   ...lazyTables,
 * });
 * ```
 */
export const lazyTables = /* @__PURE__ */ defineLazyTables();

/** A function, so that only the bundle of the app's schema contains the tables. */
function defineLazyTables() {
  const time = v.number();
  const snapshot = v.int64();
  const bounds = v.optional(v.any() as VAny<Bounds>);
  const kind = v.optional(v.union(v.literal("due"), v.literal("evict")));
  const jobId = v.id("_scheduled_functions");
  const maybeAny = v.optional(v.any() as VAny<Value>);
  return {
    // The ledger: one entry for each key whose window has not ended. Written when a window opens or is taken, when a
    // job is put off to its end, and when work fails or recovers; not by duplicates. Readers never read it.
    lazyEffects: defineTable({
      key: v.string(),
      target: v.string(),
      windowEndsAt: time,
      // Absent: the window is for the job that was scheduled with it. False: the window before had no result, so the
      // first job of the key that starts takes this one, however late it is. True: a job has taken it.
      taken: v.optional(v.boolean()),
      // The `asOf` of the row that the reader of the last dispatched effect saw, 0 for none. An effect with another one
      // is no duplicate.
      seen: v.optional(snapshot),
      trailingJob: v.optional(jobId), // The job at the end of the window: one that was put off, or a retry.
      failure: v.optional(v.object({ message: v.string(), attempts: v.number(), failedAt: time, retryAt: time })),
      expiresAt: time, // When a sweep deletes the entry: at the end of its window; a day later when it has a failure.
      ...formerly("seq"),
    })
      .index("by_key", ["key"])
      .index("by_expiry", ["expiresAt"])
      .index("by_failure", ["failure.failedAt"]),

    // One document for each span of time in which something is due in a table; its insertion schedules the sweep.
    // Written twice a span, however much is due. Earlier releases wrote those without a kind, or of the kind "evict".
    lazySweeps: defineTable({ kind, table: v.string(), sweepAt: time }).index("by_sweep", ["table", "kind", "sweepAt"]),

    // One document for each tag that was ever invalidated. Written by `invalidateTag`, read with the rows that have it.
    lazyTags: defineTable({ tag: v.string(), bumpedAt: v.commitTs() }).index("by_tag", ["tag"]),

    // One document for each dependency of a row. Written by a commit whose dependencies differ from those of the commit
    // before, and when the row is deleted. Source writes read them by text; commits and evictions read them by row. A
    // document with an empty view means that very many rows share the dependency: a write to it invalidates the tag of
    // its text and marks no row.
    lazyDependencies: defineTable({ text: v.string(), bounds, view: v.string(), key: v.string() })
      .index("by_text", ["text", "view", "key"])
      .index("by_row", ["view", "key"]),

    // One document: the shapes of all dependencies, each as the JSON of `[table, ...fields]`. Written by a commit with
    // a new shape, which is rare. Read by each mutation that writes, which looks dependencies up by these shapes.
    lazyShapes: defineTable({ shapes: v.array(v.string()) }),

    // One document for each run. Written at its start, by the first change during it, and at its end. Source writes
    // read it, so the pages, which change often, are in another table.
    lazyRuns: defineTable({
      view: v.string(),
      key: v.string(),
      version: v.number(),
      args: v.optional(v.any()) as VAny<Record<string, Value> | undefined, "optional">, // Absent in release 0.1.
      asOf: v.optional(snapshot), // The snapshot at the start: the `asOf` of a value that an action or pages compute.
      byWrite: v.optional(v.literal(true)),
      turn: v.optional(v.id("lazyTurns")),
      probes: v.optional(v.array(v.string())),
      touchedAt: v.optional(time), // When a source changed first during the run: the commit makes it the row's mark.
      job: v.optional(jobId), // The job that continues the run.
      expiresAt: v.optional(time), // When a sweep asks Convex whether that job has died.
      ...formerly("run", "cursor", "accumulated", "pages", "items", "numItems", "startedAt", "updatedAt"),
    })
      .index("by_row", ["view", "key"])
      .index("by_expiry", ["expiresAt"]),

    // How far a run of the mode `paged` has come. Written by each page; only the run and `view.progress` read it.
    lazyPages: defineTable({
      run: v.id("lazyRuns"),
      cursor: v.union(v.string(), v.null()),
      accumulated: v.any() as VAny<Value>,
      pages: v.number(),
      items: v.number(),
      numItems: v.number(), // How many items the next page should have.
      job: v.optional(jobId), // The job that reads the next page; absent before the first.
      startedAt: time,
      updatedAt: time,
    }).index("by_run", ["run"]),

    // One document for each key, of a view with `maxParallel`, that waits for its turn or has it. Written when the key
    // waits, starts and ends.
    lazyTurns: defineTable({
      view: v.string(),
      key: v.string(),
      job: v.any() as VAny<Value>, // The attempt that waits or runs.
      running: v.optional(jobId), // The scheduled job that has the turn; absent while the key waits.
      expiresAt: v.optional(time), // When a sweep asks Convex whether that job has died.
    })
      .index("by_state", ["view", "running"])
      .index("by_key", ["view", "key"])
      .index("by_expiry", ["expiresAt"]),

    // One document, for the transport `logTail`. Only tails write it: when one starts, dispatches effects, closes and
    // ends. Source writes read it through a stale snapshot, so they do not conflict with tails.
    lazyTail: defineTable({
      number: v.number(), // The last tail that started. A report of an earlier one changes only the cursor.
      job: v.optional(jobId), // The job that reads the log; absent when none does.
      // The tail ends in some seconds, so a mutation that makes readers run starts another one.
      isClosing: v.optional(v.literal(true)),
      startedAt: time,
      cursor: time, // The time up to which the log was read, in ms since 1970, with fractions.
      mostEntries: v.number(), // The most entries of the log that came between two polls of the last tail.
      wrappedAt: v.optional(time), // When a poll got as many entries as the log keeps, so that some may be lost.
      problem: v.optional(v.object({ message: v.string(), attempts: v.number(), retryAt: time })),
    }),

    // One document. Written by each heartbeat and its canary; and by the route, at most once a minute, when other
    // topics than "console" come. `inspect` reads it.
    lazyHealth: defineTable({
      checked: v.optional(v.array(v.string())), // The exports and views that the last heartbeat has checked.
      failed: v.optional(v.array(v.string())), // The problems with exports that it could not call.
      route: v.optional(v.string()), // The problem with the log stream's route.
      sentAt: v.optional(time), // When the canary was sent that is waited for, or else the last one.
      arrivedAt: v.optional(time),
      delayMs: v.optional(v.number()),
      missed: v.number(), // Canaries in a row that did not arrive in time.
      foreignAt: v.optional(time), // When events of topics that loop came last.
      foreignTopics: v.optional(v.string()), // Those topics.
      audits: maybeAny, // How far audits have come in each view, and at most 20 findings.
      ...formerly("unauthorizedAt", "views"),
    }),
  };
}

export type LazyDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof lazyTables, true>>;
export type LazyReader = GenericQueryCtx<LazyDataModel>["db"];
export type LazyWriter = GenericMutationCtx<LazyDataModel>["db"];
export type Entry = DocumentByName<LazyDataModel, "lazyEffects">;
export type Run = DocumentByName<LazyDataModel, "lazyRuns">;
export type StoredDependency = DocumentByName<LazyDataModel, "lazyDependencies">;
export type StoredShapes = DocumentByName<LazyDataModel, "lazyShapes">;
export type Turn = DocumentByName<LazyDataModel, "lazyTurns">;

export type AnyQueryCtx = GenericQueryCtx<GenericDataModel>;
export type AnyMutationCtx = GenericMutationCtx<GenericDataModel>;
export type AnyActionCtx = GenericActionCtx<GenericDataModel>;
export type AnyReader = AnyQueryCtx["db"];
export type AnyWriter = AnyMutationCtx["db"];

/** The same database, as far as the library's own tables are concerned. */
export const lazyDb = <Db extends AnyReader>(db: Db) => db as unknown as Db extends AnyWriter ? LazyWriter : LazyReader;
