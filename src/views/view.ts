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

/** The ctx of a function of `lazy.query` or `lazy.mutation`. */
export type ReadCtx = EffectCtx & { db: object };
/** The ctx of a function of `lazy.mutation`. */
export type WriteCtx = ReadCtx & { scheduler: object };
/** The ctx of any query or mutation. */
type DbCtx<DataModel extends GenericDataModel> = Pick<GenericQueryCtx<DataModel>, "db">;

/** How far a run of the mode `paged` has come. `startedAt` is in ms since 1970. */
export type RunProgress = { pages: number; items: number; startedAt: number };

/** Has the documents of a schema, by their tables, for views that need some of them. */
export type Has<DataModel extends GenericDataModel> = (
  documents: string extends TableNamesInDataModel<DataModel>
    ? never
    : { [Table in TableNamesInDataModel<DataModel>]: DocumentByName<DataModel, Table> },
) => void;

/** A view of any key and value. */
export type AnyView<Needs = unknown> = Pick<View<never, unknown, Needs>, "name" | "definition" | "needs">;

/**
 * A view: read it in queries and mutations, and tell it in mutations what changed. Made by `defineView`.
 *
 * Every method throws an Error with the remedy when `ctx` is not from `lazy.query` or `lazy.mutation`; and one that
 * names the field, what was expected and what it got, when the key does not fit the view. `Absent` is the type of what
 * readers get when there is no value to serve: the value itself, where the query computes it, else null.
 *
 * In the `compute` of another view, reads of a view of the mode `transaction` give its value as it is now: that of a
 * fresh row, or computed in place. They raise nothing.
 */
export class View<Key, Value, Needs = never, Absent = Value | null> {
  /** Types only: what the view needs of the schema, which `new LazyViews` checks. */
  declare readonly needs?: Needs;

  /** @param definition - For the library. */
  constructor(readonly definition: ViewDefinition) {}

  /** The view's name, which is also its table's. */
  get name(): string {
    return this.definition.name;
  }

  /**
   * The value of a key. It reads one document. When that is missing, stale or expired, it raises a recompute, and
   * returns at once: the older value when stale, else what `compute` says now (or null, with `onMissing: "null"`).
   * `const stats = await airportStats.get(ctx, { airport: "SFO" });`
   * @throws What `compute` throws, when the query itself computes. The recompute is raised all the same.
   */
  async get(ctx: ReadCtx, key: Key): Promise<Value | Absent> {
    return (await readView(ctx, this.definition, key, "get")).value as Value | Absent;
  }

  /**
   * As `get`, with what was found: `state`, `value`, `computedAt` (ms since 1970, or null) and `version` (of the view
   * that computed it): `const { state, value } = await airportStats.read(ctx, { airport: "SFO" });`
   */
  read(ctx: ReadCtx, key: Key): Promise<ViewRead<Value, Absent>> {
    return readView(ctx, this.definition, key, "read") as Promise<ViewRead<Value, Absent>>;
  }

  /**
   * The values of many keys, in their order. Their effects leave the query together.
   * `const [sfo, lax] = await airportStats.getMany(ctx, [{ airport: "SFO" }, { airport: "LAX" }]);`
   */
  async getMany(ctx: ReadCtx, keys: readonly Key[]): Promise<(Value | Absent)[]> {
    return await Promise.all(keys.map((key) => this.get(ctx, key)));
  }

  /**
   * Reads rows that you looked up yourself, through any index of the view's table: gives for each, in their order, its
   * `key` and what `read` gives. Those that are not fresh are recomputed behind, as with `read`.
   * `await airportStats.readRows(ctx, ctx.db.query("airportStats").withIndex("by_mean_delay").take(10));`
   * @throws Error when one of them is not a document of a view's table.
   */
  readRows(ctx: ReadCtx, rows: Rows<Row<Key, Value>>): Promise<RowRead<Key, Value>[]> {
    return readRows(ctx, this.definition, rows) as Promise<RowRead<Key, Value>[]>;
  }

  /**
   * As `read`, but never raises an effect and never computes. It takes any query's or mutation's ctx:
   * `const { state } = await airportStats.peek(ctx, { airport: "SFO" });`
   */
  peek<DataModel extends GenericDataModel>(ctx: DbCtx<DataModel>, key: Key): Promise<ViewRead<Value, null>> {
    return peekView(ctx, this.definition, key) as Promise<ViewRead<Value, null>>;
  }

  /**
   * Why a key's row is as it is: its state, what has marked it, what it depends on, and what it waits for. It raises
   * nothing. `const { dependsOn, marked, waits } = await airportStats.explain(ctx, { airport: "SFO" });`
   */
  async explain(ctx: ReadCtx, key: Key): Promise<Explanation> {
    const execution = executionOf(ctx, this.definition, "explain");
    await execution.mutex?.idle;
    return await explainRow(execution, this.definition, key);
  }

  /**
   * How far the run of a key has come, in a view of the mode `paged`; null when no run is under way:
   * `const progress = await networkStats.progress(ctx, {});`
   */
  async progress<DataModel extends GenericDataModel>(ctx: DbCtx<DataModel>, key: Key): Promise<RunProgress | null> {
    const db = dbOf(ctx, this.definition, "progress");
    const run = await findRun(db, this.definition, toKey(this.definition, key).text);
    const found = run && (await findPages(lazyDb(db), run._id));
    return found && { pages: found.pages, items: found.items, startedAt: found.startedAt };
  }

  /**
   * Marks a key's row as out of date, and the rows of other views that are computed from it: readers are still served,
   * and the next one has it recomputed. Changes of what `compute` has read, or of `sources`, do this by themselves, in
   * mutations of `lazy.mutation`. `await airportStats.invalidate(ctx, { airport: "SFO" });`
   * @throws Error when the mutation has no room left to mark the row, or the key has more than 2,500 bytes as JSON.
   */
  async invalidate(ctx: WriteCtx, key: Key): Promise<void> {
    await inTurn(ctx, this.definition, "invalidate", key, (execution, view, { text }) =>
      invalidateKey(execution, view, text, "invalidate"),
    );
  }

  /**
   * Computes a key now, in this mutation, commits it, and returns the value. Not in the modes "action" and "paged".
   * `const stats = await airportStats.refresh(ctx, { airport: "SFO" });`
   * @throws What `compute` throws, or an Error when its value does not fit the view.
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
   * Deletes a key's row: its readers find it missing. A failure that was remembered is over, with its backoff. Returns
   * whether there was a row. `await airportStats.evict(ctx, { airport: "SFO" });`
   */
  async evict(ctx: WriteCtx, key: Key): Promise<boolean> {
    return await inTurn(ctx, this.definition, "evict", key, async (execution, view, checked) => {
      const { db, ledger } = execution;
      const row = await findRow(db, view, checked.text);
      const isRunEnded = await endRunOf(execution, view, checked.text);
      if (row !== null) await evictRow(execution, view, row);
      if (row === null && !isRunEnded) return false;
      await release(ledger, recomputeEffect(ledger.recompute, view, checked, null), "evicted");
      // Its readers see no change that would run them again: they are asked for.
      if (row === null) await recomputeSoon(execution, view, checked, { asOf: 0n });
      return row !== null;
    });
  }
}

type Work<Result> = (execution: MutationExecution, view: ViewDefinition, key: CheckedKey) => Promise<Result>;

/** Does work on a key when the mutation's writes before it are done. */
function inTurn<Result>(ctx: WriteCtx, view: ViewDefinition, method: string, key: unknown, work: Work<Result>) {
  const execution = mutationOf(ctx, view, method);
  const checked = toKey(view, key);
  const tooLong = startOfLong(checked.text);
  if (tooLong !== undefined) throw keyTooLong(view, tooLong);
  return execution.mutex.run(() => work(execution, view, checked));
}
