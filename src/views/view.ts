import type { DocumentByName, GenericDataModel, GenericQueryCtx, TableNamesInDataModel } from "convex/server";
import type { EffectCtx } from "../effects/collector.js";
import { release } from "../effects/ledger.js";
import type { ViewDefinition } from "../model/definition.js";
import { dbOf, executionOf, type MutationExecution, mutationOf } from "../model/execution.js";
import { type Key as CheckedKey, findRow, keyTooLong, recomputeEffect, startOfLong, toKey } from "../model/row.js";
import { findPages, findRun } from "../model/run.js";
import { computeAndCommit } from "../recompute/commit.js";
import { endRunOf } from "../recompute/turns.js";
import { lazyDb, type Row } from "../schema.js";
import { recomputeSoon } from "../staleness/mark.js";
import { evictRow, invalidateKey } from "../staleness/sources.js";
import { type Explanation, explainRow } from "./explain.js";
import { peekView, type RowRead, type Rows, readRows, readView, type ViewRead } from "./read.js";

/** The ctx of a function that was made with `lazy.query` or `lazy.mutation`. */
export type ReadCtx = EffectCtx & { db: object };
/** The ctx of a function that was made with `lazy.mutation`. */
export type WriteCtx = ReadCtx & { scheduler: object };
/** The ctx of any query or mutation. */
type DbCtx<DataModel extends GenericDataModel> = Pick<GenericQueryCtx<DataModel>, "db">;

/** How far the run of a key has come, in a view of the mode `paged`. */
export interface RunProgress {
  /** The pages that have been read. */
  pages: number;
  /** The items that those pages had. */
  items: number;
  /** When the run began, in ms since 1970. */
  startedAt: number;
}

/** Only for types: a data model that has the documents which a view {@link Needs}. */
export type Has<DataModel extends GenericDataModel> = (
  documents: string extends TableNamesInDataModel<DataModel>
    ? never
    : { [Table in TableNamesInDataModel<DataModel>]: DocumentByName<DataModel, Table> },
) => void;

/** A view with any key and value, for functions that take any view. */
export type AnyView<Needs = unknown> = Pick<View<never, unknown, Needs>, "name" | "definition" | "needs">;

/**
 * A view, made by {@link defineView}. Read it in queries and mutations with `get`, `read`, `getMany` and `readRows`; in
 * mutations, `invalidate`, `refresh` and `evict` change its rows by hand.
 *
 * `Absent` is the type of what a reader gets when there is no row to serve: the type of the value, where the reading
 * query computes it, and else null. A read never fails because an effect cannot leave: it logs that, and returns its
 * value.
 *
 * In the `compute` of another view, a read of a view of the mode `transaction` returns the current value: that of a
 * fresh row, or one that is computed in place. It raises no effect.
 *
 * Every method throws an Error
 * - with the remedy, when `ctx` does not come from `lazy.query` or `lazy.mutation` (`peek` and `progress` take the ctx
 *   of any query or mutation);
 * - with the field, what was expected and what it got, when the key does not fit the view. In a key, `-0` equals `0`.
 */
export class View<Key, Value, Needs = never, Absent = Value | null> {
  /**
   * Only for types: what the view needs of the schema. `new LazyViews` checks it.
   * @internal
   */
  declare readonly needs?: Needs;

  /** @internal */
  constructor(readonly definition: ViewDefinition) {}

  /** The name of the view, which is also the name of its table. */
  get name(): string {
    return this.definition.name;
  }

  /**
   * Returns the value of a key. A fresh row costs one document. A row that is stale, expired or missing makes this read
   * raise a recompute, and the read returns at once: the stored value of a stale row; else what `compute` returns now,
   * or null with `onMissing: "null"`.
   *
   * @example
   * ```ts
   * const stats = await airportStats.get(ctx, { airport: "SFO" });
   * ```
   *
   * @throws What `compute` throws, when this read has to compute. The recompute is raised all the same; but a mutation
   * that throws is rolled back with its effects, and with the transport `client` alone, a query that throws raises
   * none.
   */
  async get(ctx: ReadCtx, key: Key): Promise<Value | Absent> {
    return (await readView(ctx, this.definition, key, "get")).value as Value | Absent;
  }

  /**
   * Returns what `get` returns, with the state of the row, the time of its compute, and its version.
   *
   * @example
   * ```ts
   * const { state, value, computedAt } = await airportStats.read(ctx, { airport: "SFO" });
   * ```
   *
   * @throws As `get`.
   */
  read(ctx: ReadCtx, key: Key): Promise<ViewRead<Value, Absent>> {
    return readView(ctx, this.definition, key, "read") as Promise<ViewRead<Value, Absent>>;
  }

  /**
   * Returns what `get` returns for each of many keys, in their order. Their effects leave the query together.
   *
   * @example
   * ```ts
   * const [sfo, lax] = await airportStats.getMany(ctx, [{ airport: "SFO" }, { airport: "LAX" }]);
   * ```
   *
   * @throws As `get`. If many keys are missing, their computes may exceed the limits of one query.
   */
  async getMany(ctx: ReadCtx, keys: readonly Key[]): Promise<(Value | Absent)[]> {
    return await Promise.all(keys.map((key) => this.get(ctx, key)));
  }

  /**
   * Reads rows that you have looked up yourself, through any index or search index of the view's table. Returns, for
   * each row and in their order, its `key` and what `read` returns. A row that is not fresh raises its recompute, as
   * with `read`. Which rows an index finds, and in which order, follows from the stored values; a key without a row is
   * not among them. A row whose key does not fit the view any more is `expired`.
   *
   * @example
   * ```ts
   * const rows = await airportStats.readRows(ctx, ctx.db.query("airportStats").order("desc").take(10));
   * ```
   *
   * @param rows - Documents of the view's table, or a promise of them. They are judged as you have read them: beside a
   * write that you did not await, they may be older than its marks.
   * @throws Error, when one of them is not a document of a view's table; or as `get`.
   */
  readRows(ctx: ReadCtx, rows: Rows<Row<Key, Value>>): Promise<RowRead<Key, Value>[]> {
    return readRows(ctx, this.definition, rows) as Promise<RowRead<Key, Value>[]>;
  }

  /**
   * Returns what `read` returns, but raises no effect and computes nothing: the value of an expired or missing row is
   * null. It takes the ctx of any query or mutation.
   *
   * @example
   * ```ts
   * const { state } = await airportStats.peek(ctx, { airport: "SFO" });
   * ```
   */
  peek<DataModel extends GenericDataModel>(ctx: DbCtx<DataModel>, key: Key): Promise<ViewRead<Value, null>> {
    return peekView(ctx, this.definition, key) as Promise<ViewRead<Value, null>>;
  }

  /**
   * Explains the row of a key: its state, what has marked it, what it depends on, and what it waits for. It raises no
   * effect. `npx convex run lazy:inspect '{"view":"airportStats","key":{"airport":"SFO"}}'` prints the same.
   *
   * @example
   * ```ts
   * const { dependsOn, marked, waits } = await airportStats.explain(ctx, { airport: "SFO" });
   * ```
   */
  async explain(ctx: ReadCtx, key: Key): Promise<Explanation> {
    const execution = executionOf(ctx, this.definition, "explain");
    await execution.mutex?.idle;
    return await explainRow(execution, this.definition, key);
  }

  /**
   * Returns how far the run of a key has come, in a view of the mode `paged`; null when no run is under way, and in
   * other modes. It takes the ctx of any query or mutation.
   *
   * @example
   * ```ts
   * const progress = await airportStats.progress(ctx, { airport: "SFO" });
   * ```
   */
  async progress<DataModel extends GenericDataModel>(ctx: DbCtx<DataModel>, key: Key): Promise<RunProgress | null> {
    const db = dbOf(ctx, this.definition, "progress");
    const run = await findRun(db, this.definition, toKey(this.definition, key).text);
    const found = run && (await findPages(lazyDb(db), run._id));
    return found && { pages: found.pages, items: found.items, startedAt: found.startedAt };
  }

  /**
   * Marks the row of a key as out of date, and the rows of other views that are computed from it. Readers still get the
   * stored value, and the next one raises the recompute. Writes in functions of `lazy.mutation` do this by themselves
   * for what `compute` has read and for declared `sources`; call it after a write that bypasses them.
   *
   * @example
   * ```ts
   * await airportStats.invalidate(ctx, { airport: "SFO" });
   * ```
   *
   * @throws Error, when the transaction has no room left to mark the row; or when the key has more than 2,500 bytes as
   * JSON.
   */
  async invalidate(ctx: WriteCtx, key: Key): Promise<void> {
    await inTurn(ctx, this.definition, "invalidate", key, (execution, view, { text }) =>
      invalidateKey(execution, view, text, "invalidate"),
    );
  }

  /**
   * Computes the value of a key now, in this mutation, commits it as the row, and returns it.
   *
   * @example
   * ```ts
   * const stats = await airportStats.refresh(ctx, { airport: "SFO" });
   * ```
   *
   * @throws What `compute` throws; or an Error, when the value does not fit the view, the view has the mode `action` or
   * `paged`, or the key has more than 2,500 bytes as JSON.
   */
  async refresh(ctx: WriteCtx, key: Key): Promise<Value> {
    const { name, mode } = this.definition;
    const isElsewhere = mode === "action" || mode === "paged";
    if (isElsewhere) throw new Error(`${name}.refresh cannot compute in the mode "${mode}"; call invalidate.`);
    return await inTurn(ctx, this.definition, "refresh", key, async (execution, view, checked) => {
      const { ledger } = execution;
      const value = await computeAndCommit(execution, view, checked, { byWrite: true });
      await release(ledger, recomputeEffect(ledger.recompute, view, checked, null), "refreshed");
      return value as Value;
    });
  }

  /**
   * Deletes the row of a key, so that its readers find it missing. It also ends a run of the key, and forgets a failure
   * together with its backoff (the pause before the next attempt). Returns whether there was a row.
   *
   * @example
   * ```ts
   * const wasThere = await airportStats.evict(ctx, { airport: "SFO" });
   * ```
   *
   * @throws Error, when the key has more than 2,500 bytes as JSON.
   */
  async evict(ctx: WriteCtx, key: Key): Promise<boolean> {
    return await inTurn(ctx, this.definition, "evict", key, async (execution, view, checked) => {
      const { db, ledger } = execution;
      const row = await findRow(db, view, checked.text);
      const isRunEnded = await endRunOf(execution, view, checked.text);
      if (row !== null) await evictRow(execution, view, row);
      if (row === null && !isRunEnded) return false;
      await release(ledger, recomputeEffect(ledger.recompute, view, checked, null), "evicted");
      // No document that readers depend on has changed, so nothing runs them again: schedule what they would raise.
      if (row === null) await recomputeSoon(execution, view, checked, { asOf: 0n });
      return row !== null;
    });
  }
}

type Work<Result> = (execution: MutationExecution, view: ViewDefinition, key: CheckedKey) => Promise<Result>;

/** Does work on a key after the writes that the mutation began before. */
function inTurn<Result>(ctx: WriteCtx, view: ViewDefinition, method: string, key: unknown, work: Work<Result>) {
  const execution = mutationOf(ctx, view, method);
  const checked = toKey(view, key);
  const tooLong = startOfLong(checked.text);
  if (tooLong !== undefined) throw keyTooLong(view, tooLong);
  return execution.mutex.run(() => work(execution, view, checked));
}
