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
 * Every table and field that the library stores: who writes it, how often, and why it is there. What changes often shares
 * no document with what readers or source writes read. Points in time are in ms since 1970, snapshots in ns. Fields of
 * release 0.1 stay, as optional, so that a deployment that has them can be pushed to; rows with them are out of date.
 */

/**
 * The row of a key of a view that was ever computed. Readers read it and nothing else. Times are in ms since 1970.
 *
 * A commit writes all of it. Later, the first change writes `dirtyAt`, and one after a grace `nudgedAt`; `applyChange`
 * writes `value`. What schedules a recompute may write `pendingUntil`, which a sweep or a failed recompute removes. A
 * sweep moves `expiresAt` on. In views with `evictAfter`, it writes `idleAt`, and the next reader's recompute `askedAt`.
 */
export interface Row<Key = unknown, Value = unknown> {
  /** The canonical text of the key. */
  key: string;
  /** The key itself, for indexes of the app. */
  args: Key;
  value: Value;
  /** The view's version that computed the value. */
  version: number;
  /** The snapshot that the value was computed from, in ns since 1970. It grows with each commit, and so names it. */
  asOf: bigint;
  /** When the value was committed. */
  computedAt: number;
  /** The mark: when a source changed first since the commit. */
  dirtyAt?: number;
  /** What has marked it, such as "insert into flights". Written with the mark. */
  markedBy?: string;
  /** When it was marked again, as nothing had come of the mark: subscribers run and ask once more. */
  nudgedAt?: number;
  /** A recompute is on its way, so readers do not ask; until then at most. */
  pendingUntil?: number;
  /** What the probes of `changed` said at the commit. */
  probes?: string[];
  /** When a sweep looks at the row: at its next age, when `pendingUntil` or its idle time is over. */
  expiresAt?: number;
  /** When a recompute was last committed that a reader had asked for, or a reader took the row back. */
  askedAt?: number;
  /** When a sweep last found that no reader asks. The row is idle while that is after `askedAt`. */
  idleAt?: number;
  /** Until then, writes that make it stale have it recomputed. Renewed when a reader has asked. */
  leaseUntil?: number;
  /** What it was computed from is recorded; with the versions of views, and what very many rows share, as tags. */
  tracked?: { over?: Record<string, number>; shared?: string[] };
}

/** The bounds of a range on a field: "gt", "gte", "lt" or "lte", each with its value, or with none for a missing field. */
export type Bounds = { field: string; bounds: Value[][] };

/** A row as it is stored. One of release 0.1 has a `seq`: the number of its commits, 0 in place of a first value. */
export type StoredRow = Row & { _id: GenericId<string>; _creationTime: number; seq?: number };

/** What a recompute is asked for: a key, or a row; and the row that the reader has seen. */
export type Asked = { args: unknown };
export type Seen = Pick<Row, "asOf"> | null;

/** The validators of a row's fields. */
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
 * The library's own tables: spread them into the app's schema.
 * `export default defineSchema({ ...lazyTables, flights: defineTable({ … }) });`
 */
export const lazyTables = /* @__PURE__ */ defineLazyTables();

/** A function, so that bundles leave the tables out of every module but the app's schema. */
function defineLazyTables() {
  const time = v.number();
  const snapshot = v.int64();
  const bounds = v.optional(v.any() as VAny<Bounds>);
  const kind = v.optional(v.union(v.literal("due"), v.literal("evict")));
  const jobId = v.id("_scheduled_functions");
  const maybeAny = v.optional(v.any() as VAny<Value>);
  return {
    // The ledger: one entry a key while its window lasts. Written when a window opens or is taken, a job is put off to
    // its end, and work fails or recovers; not by duplicates. Readers never read it.
    lazyEffects: defineTable({
      key: v.string(),
      target: v.string(),
      windowEndsAt: time,
      // Absent: the window is for the job that was scheduled with it. False: nothing came of the window before, so the
      // first of the key's jobs to start takes this one, however late it is. True: a job has taken it.
      taken: v.optional(v.boolean()),
      // The row's `asOf` that the reader of the last dispatched effect saw, 0 for none. Another one is news.
      seen: v.optional(snapshot),
      trailingJob: v.optional(jobId), // At the end of the window: what was put off, or the retry of what failed.
      failure: v.optional(v.object({ message: v.string(), attempts: v.number(), failedAt: time, retryAt: time })),
      expiresAt: time, // When a sweep deletes the entry: with its window, later when it holds a failure.
      ...formerly("seq"),
    })
      .index("by_key", ["key"])
      .index("by_expiry", ["expiresAt"])
      .index("by_failure", ["failure.failedAt"]),

    // One document for each span of time in which something is due in a table: what inserts it schedules the sweep.
    // Written twice a span, however much is due in it. Of earlier code: those without a kind, or of the kind "evict".
    lazySweeps: defineTable({ kind, table: v.string(), sweepAt: time }).index("by_sweep", ["table", "kind", "sweepAt"]),

    // One document a tag that was ever invalidated. Written by `invalidateTag`, read with rows that have it.
    lazyTags: defineTable({ tag: v.string(), bumpedAt: v.commitTs() }).index("by_tag", ["tag"]),

    // One document a dependency of a row: written by a commit whose dependencies differ from those of the commit before,
    // and when the row goes. Source writes read them by their text; commits and evictions by their row. One with an empty
    // view says that very many rows share the dependency: a write to it bumps the tag of its text in place of marks.
    lazyDependencies: defineTable({ text: v.string(), bounds, view: v.string(), key: v.string() })
      .index("by_text", ["text", "view", "key"])
      .index("by_row", ["view", "key"]),

    // One document: of which tables and fields dependencies are made, each as the JSON of `[table, ...fields]`. Written by
    // a commit that has a new one, which is rare; read by each mutation that writes, as it says what to look for.
    lazyShapes: defineTable({ shapes: v.array(v.string()) }),

    // One document a run. Written at its begin, by the first change, and at its end. Source writes read it, so pages
    // live elsewhere.
    lazyRuns: defineTable({
      view: v.string(),
      key: v.string(),
      version: v.number(),
      args: v.optional(v.any()) as VAny<Record<string, Value> | undefined, "optional">, // Absent in release 0.1.
      asOf: v.optional(snapshot), // At the begin: the value of an action or of pages is as of it.
      byWrite: v.optional(v.literal(true)),
      turn: v.optional(v.id("lazyTurns")),
      probes: v.optional(v.array(v.string())),
      touchedAt: v.optional(time), // By the first change during the run: the commit turns it into the row's mark.
      job: v.optional(jobId), // It goes on with the run.
      expiresAt: v.optional(time), // When a sweep asks Convex whether that job has died.
      ...formerly("run", "cursor", "accumulated", "pages", "items", "numItems", "startedAt", "updatedAt"),
    })
      .index("by_row", ["view", "key"])
      .index("by_expiry", ["expiresAt"]),

    // How far a run of the mode `paged` has come. Written by each page, read by the run and `view.progress` only.
    lazyPages: defineTable({
      run: v.id("lazyRuns"),
      cursor: v.union(v.string(), v.null()),
      accumulated: v.any() as VAny<Value>,
      pages: v.number(),
      items: v.number(),
      numItems: v.number(), // Of the next page.
      job: v.optional(jobId), // It reads the next page; absent before the first.
      startedAt: time,
      updatedAt: time,
    }).index("by_run", ["run"]),

    // One document a key of a view with `maxParallel` that waits for its turn, or has it. Written when it waits, starts
    // and ends.
    lazyTurns: defineTable({
      view: v.string(),
      key: v.string(),
      job: v.any() as VAny<Value>, // The attempt.
      running: v.optional(jobId), // The scheduled job that has the turn; absent while the key waits.
      expiresAt: v.optional(time), // When a sweep asks Convex whether that job has died.
    })
      .index("by_state", ["view", "running"])
      .index("by_key", ["view", "key"])
      .index("by_expiry", ["expiresAt"]),

    // One document, of the transport `logTail`. Only tails write it: when one starts, has dispatched effects, closes and
    // ends. Source writes read it through a stale snapshot, so they do not conflict with these.
    lazyTail: defineTable({
      number: v.number(), // Of the last tail that started. A report of an earlier one changes the cursor only.
      job: v.optional(jobId), // It reads the log; absent when none does.
      isClosing: v.optional(v.literal(true)), // It ends in some seconds, so a mutation that makes readers run starts another one.
      startedAt: time,
      cursor: time, // Up to where the log was read, in ms since 1970, with fractions.
      mostEntries: v.number(), // The most entries of the log that came between two polls of the last tail.
      wrappedAt: v.optional(time), // When a poll got as many entries as the log keeps, so that some may be lost.
      problem: v.optional(v.object({ message: v.string(), attempts: v.number(), retryAt: time })),
    }),

    // One document. Written by each heartbeat and its canary, and when the route finds foreign topics, once a minute at
    // most. `inspect` reads it.
    lazyHealth: defineTable({
      checked: v.optional(v.array(v.string())), // The exports and views that the last heartbeat has looked at.
      failed: v.optional(v.array(v.string())), // What is wrong with exports that it could not call.
      route: v.optional(v.string()), // What is wrong with the log stream's route.
      sentAt: v.optional(time), // Of the canary that is waited for; when none is, of the last one.
      arrivedAt: v.optional(time),
      delayMs: v.optional(v.number()),
      missed: v.number(), // Canaries in a row that did not arrive in time.
      foreignAt: v.optional(time), // When events came of topics that loop, and which.
      foreignTopics: v.optional(v.string()),
      audits: maybeAny, // How far audits have come in each view, and what they have found; bounded.
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
