import type { DocumentByName, GenericDataModel, GenericQueryCtx, TableNamesInDataModel } from "convex/server";
import type { EffectCtx } from "../effects/collector.js";
import { ledgerKey } from "../effects/effect.js";
import { release } from "../effects/ledger.js";
import type { ViewDefinition } from "../model/definition.js";
import { executionOf, type MutationExecution, mutationOf } from "../model/execution.js";
import { findRow, recomputeEffect, removeRow, toKey, type Key as ViewKey } from "../model/row.js";
import { findPages, findRun } from "../model/run.js";
import { computeAndCommit } from "../recompute/commit.js";
import { endRunOf } from "../recompute/turns.js";
import { type AnyQueryCtx, lazyDb, type Row } from "../schema.js";
import { markKey, recomputeSoon } from "../staleness/mark.js";
import { watchedDb } from "../staleness/sources.js";
import { peekView, type RowRead, readRows, readView, type ViewRead } from "./read.js";

/** The ctx of a function of `lazy.query` or `lazy.mutation`. */
export type ReadCtx = EffectCtx & { db: object };
/** The ctx of a function of `lazy.mutation`. */
export type WriteCtx = ReadCtx & { scheduler: object };

/** How far a run of the mode `paged` has come. */
export interface RunProgress {
  pages: number;
  items: number;
  /** In ms since 1970. */
  startedAt: number;
}

/** A source that a view of a data model can have: one of its tables, with a function of that table's documents. */
export type SourceOf<DataModel extends GenericDataModel> = {
  [Table in TableNamesInDataModel<DataModel>]: {
    table: Table;
    toKeys: (doc: DocumentByName<DataModel, Table>) => unknown;
  };
}[TableNamesInDataModel<DataModel>];

/** A view of any key and value. */
export type AnyView<Source = unknown> = Pick<View<never, unknown, Source>, "name" | "definition" | "source">;

/**
 * A view: read it in queries and mutations, and tell it in mutations what changed. Made by `defineView`.
 *
 * Every method throws an Error that names the field, what was expected and what it got, when the key does not fit
 * the view; and one with the remedy, when `ctx` is not from `lazy.query` or `lazy.mutation`.
 */
export class View<Key, Value, Source = never> {
  /** Types only: the view's sources, which `new LazyViews` compares with the schema. */
  declare readonly source?: Source;
  /** For the library: the checked definition. */
  readonly definition: ViewDefinition;

  constructor(definition: ViewDefinition) {
    this.definition = definition;
  }

  /** The view's name, which is also its table's. */
  get name(): string {
    return this.definition.name;
  }

  /**
   * The value of a key. It reads one document. When the row is missing, stale or expired, a recompute is raised,
   * and the answer is given at once: the older value when it is stale, else null (or, with
   * `onMissing: "compute"`, what `compute` says now).
   *
   * ```ts
   * const stats = await airportStats.get(ctx, { airport: "SFO" });
   * ```
   */
  async get(ctx: ReadCtx, key: Key): Promise<Value | null> {
    const execution = executionOf(ctx, this.definition, "get");
    return (await readView(execution, this.definition, key)).value as Value | null;
  }

  /**
   * As `get`, with what was found.
   *
   * ```ts
   * const { state, value, computedAt } = await airportStats.read(ctx, { airport: "SFO" });
   * ```
   *
   * @returns `state`, `value`, `computedAt` (ms since 1970, or null) and `version` (of the view that computed it).
   */
  async read(ctx: ReadCtx, key: Key): Promise<ViewRead<Value>> {
    const execution = executionOf(ctx, this.definition, "read");
    return (await readView(execution, this.definition, key)) as ViewRead<Value>;
  }

  /**
   * The values of many keys, in their order. Their effects leave the query together.
   *
   * ```ts
   * const [sfo, lax] = await airportStats.getMany(ctx, [{ airport: "SFO" }, { airport: "LAX" }]);
   * ```
   */
  async getMany(ctx: ReadCtx, keys: readonly Key[]): Promise<(Value | null)[]> {
    return await Promise.all(keys.map((key) => this.get(ctx, key)));
  }

  /**
   * Reads rows that you looked up yourself, through any index or search index of the view's table. Those that are
   * not fresh are recomputed behind, as with `read`.
   *
   * ```ts
   * const latest = await airportStats.readRows(
   *   ctx,
   *   ctx.db.query("airportStats").withIndex("by_mean_delay").order("desc").take(10),
   * );
   * ```
   *
   * @param rows - Documents of the view's table, or a promise of them.
   * @returns For each, in their order: `key`, and what `read` gives. An expired one has the value null, or with
   * `onMissing: "compute"` what `compute` says now.
   * @throws Error when something among them is not a document of a view's table.
   */
  async readRows(
    ctx: ReadCtx,
    rows: readonly Row<Key, Value>[] | Promise<readonly Row<Key, Value>[]>,
  ): Promise<RowRead<Key, Value>[]> {
    const execution = executionOf(ctx, this.definition, "readRows");
    return (await readRows(execution, this.definition, await rows)) as RowRead<Key, Value>[];
  }

  /**
   * As `read`, but never raises an effect and never computes. It takes any query's or mutation's ctx.
   *
   * ```ts
   * const { state } = await airportStats.peek(ctx, { airport: "SFO" });
   * ```
   */
  async peek<DataModel extends GenericDataModel>(
    ctx: Pick<GenericQueryCtx<DataModel>, "db">,
    key: Key,
  ): Promise<ViewRead<Value>> {
    const anyCtx = ctx as unknown as AnyQueryCtx;
    return (await peekView(anyCtx, this.definition, key)) as ViewRead<Value>;
  }

  /**
   * How far the run has come that recomputes a key page by page, in a view of the mode `paged`.
   *
   * ```ts
   * const progress = await networkStats.progress(ctx, {});
   * ```
   *
   * @returns `pages`, `items` and `startedAt` (ms since 1970); null when no run is under way.
   */
  async progress<DataModel extends GenericDataModel>(
    ctx: Pick<GenericQueryCtx<DataModel>, "db">,
    key: Key,
  ): Promise<RunProgress | null> {
    const { db } = ctx as unknown as AnyQueryCtx;
    const run = await findRun(db, this.definition, toKey(this.definition, key).text);
    const found = run === null ? null : await findPages(lazyDb(db), run._id);
    if (found === null) return null;
    const { pages, items, startedAt } = found;
    return { pages, items, startedAt };
  }

  /**
   * Marks a key's row as out of date: readers are still served, and the next one has it recomputed.
   *
   * Changes of the view's `sources` in mutations of `lazy.mutation` do this by themselves.
   *
   * ```ts
   * await airportStats.invalidate(ctx, { airport: "SFO" });
   * ```
   *
   * @throws Error when the mutation has no room left to mark the row.
   */
  async invalidate(ctx: WriteCtx, key: Key): Promise<void> {
    const execution = mutationOf(ctx, this.definition, "invalidate");
    const checked = toKey(this.definition, key);
    await execution.mutex.run(() => markKey(execution, this.definition, checked));
  }

  /**
   * Computes a key now, in this mutation, and commits it.
   *
   * ```ts
   * const stats = await airportStats.refresh(ctx, { airport: "SFO" });
   * ```
   *
   * @returns The value.
   * @throws What `compute` throws, or an Error when its value does not fit the view, or the view's mode is "action"
   * or "paged".
   */
  async refresh(ctx: WriteCtx, key: Key): Promise<Value> {
    const execution = mutationOf(ctx, this.definition, "refresh");
    const { mode } = this.definition;
    if (mode === "action" || mode === "paged") {
      throw new Error(
        `${this.name}.refresh: a mutation cannot compute what the mode "${mode}" does; call invalidate instead.`,
      );
    }
    const checked = toKey(this.definition, key);
    return await execution.mutex.run(async () => {
      const value = await computeAndCommit(execution, this.definition, checked, { byWrite: true });
      await releaseKey(execution, this.definition, checked, "refreshed");
      return value as Value;
    });
  }

  /**
   * Deletes a key's row: its readers find it missing. A failure that was remembered is over, with its backoff.
   *
   * ```ts
   * await airportStats.evict(ctx, { airport: "SFO" });
   * ```
   *
   * @returns Whether there was a row.
   */
  async evict(ctx: WriteCtx, key: Key): Promise<boolean> {
    const view = this.definition;
    const execution = mutationOf(ctx, view, "evict");
    const checked = toKey(view, key);
    return await execution.mutex.run(async () => {
      const row = await findRow(execution.db, view, checked.text);
      const isRunEnded = await endRunOf(execution, view, checked.text);
      if (row === null) {
        // Its readers see no change that would run them again: they are asked for.
        if (isRunEnded) {
          await releaseKey(execution, view, checked, "evicted");
          await recomputeSoon(execution, view, checked, { asOf: 0n });
        }
        return false;
      }
      await removeRow(watchedDb(execution), view, row);
      execution.forget({ view, text: checked.text });
      await releaseKey(execution, view, checked, "evicted");
      return true;
    });
  }
}

/** Tells the ledger that the app itself has committed or deleted a row. */
async function releaseKey(
  { ledger }: MutationExecution,
  view: ViewDefinition,
  key: ViewKey,
  cause: "refreshed" | "evicted",
): Promise<void> {
  const effect = recomputeEffect(ledger.recompute, view, key);
  await release(ledger, { key: ledgerKey(effect), windowMs: view.windowMs }, cause);
}
