import type { Value } from "convex/values";
import type { Mode, ViewDefinition } from "../model/definition.js";
import { Execution, markOf } from "../model/execution.js";
import { findRow, hasValue, type Key, keyOrNone } from "../model/row.js";
import type { AnyQueryCtx, StoredRow } from "../schema.js";
import type { Coverage } from "../staleness/coverage.js";
import { judgeForReader, probeTexts } from "../staleness/judge.js";
import type { Document } from "../tracking/dependency.js";
import type { Recorder } from "../tracking/recorder.js";
import { dependenciesOf } from "../tracking/store.js";
import { watchReads } from "../tracking/watchReads.js";

/** What takes notes of the reads of a compute: its dependencies, or what the declared sources do not cover. */
export type Notes = { recorder?: Recorder | undefined; coverage?: Coverage | undefined };

/** One compute of a key. Other views of the mode `transaction` give it current values, never stale ones. */
export class Compute extends Execution {
  readonly #reader: AnyQueryCtx;
  /**
   * The rows that are being computed, each of them for the row before it. `#mode` is the mode of the first one's view.
   */
  readonly #path: readonly string[];
  readonly #mode: Mode;
  readonly #notes: Notes;

  /** @throws Error with the path, when the key is being computed already. */
  constructor(execution: Execution, view: ViewDefinition, key: Key, notes: Notes) {
    const { app, reader, collector } = execution;
    const { recorder, coverage } = notes;
    const own = markOf(view, key.text);
    const outer = execution instanceof Compute ? execution.#path : [];
    const path = [...outer, own];
    if (outer.includes(own)) throw isRecursive(view, path);
    const lookAt = (table: string) => {
      const inner = app.views.get(table);
      // A compute that reads the table of a view on its path gets the stored rows, or an error in a tracked view.
      const isOnPath = path.some((row) => row.startsWith(`${table} `));
      if (isOnPath && view.isTracked) {
        const error = isRecursive(view, [...path, table]);
        if (recorder) recorder.untracked ??= error;
        throw error;
      }
      const isComputed = inner?.mode === "transaction" && !isOnPath;
      if (!isComputed && !coverage) return undefined;
      return (document: NonNullable<Document>) => {
        coverage?.look(table, document);
        return isComputed ? this.#upToDate(inner, document as unknown as StoredRow) : document;
      };
    };
    super(app, watchReads(execution, view, lookAt, view.isTracked ? recorder : undefined), collector);
    this.#reader = reader;
    this.#path = path;
    this.#mode = execution instanceof Compute ? execution.#mode : view.mode;
    this.#notes = notes;
  }

  /** The reads of the library itself, which are not recorded. */
  override get reader(): AnyQueryCtx {
    return this.#reader;
  }

  /**
   * Returns the value of another view: that of a fresh row, with the row, or one that is computed in place. The
   * dependencies of that value become dependencies of this compute.
   */
  async read(view: ViewDefinition, key: Key, known?: StoredRow): Promise<{ value: unknown; fresh?: StoredRow }> {
    const { recorder, coverage } = this.#notes;
    const { db } = this.#reader;
    if (!known) coverage?.lookAtKey(view.name, key.text);
    recorder?.readView(view, key);
    const row = known ?? (await findRow(db, view, key.text));
    // In modes that do not record dependencies, the inner row is what a change marks first: it must exist.
    if (!row && this.#mode !== "transaction") this.raiseRecompute(view, key, row);
    if (!hasValue(row) || (await judgeForReader(this.#reader, view, row)) !== "fresh") {
      return { value: await computeKey(this, view, key, { recorder }) };
    }
    if (recorder && row.tracked) {
      for (const dependency of await dependenciesOf(db, { view: view.name, key: key.text })) recorder.add(dependency);
      recorder.copy(row.tracked);
    }
    return { value: row.value, fresh: row };
  }

  /** A row that `compute` has read from the table of another view, with its current value. */
  async #upToDate(view: ViewDefinition, row: StoredRow): Promise<StoredRow> {
    const key = keyOrNone(view, row.args);
    return key ? { ...row, value: (await this.read(view, key, row)).value } : row;
  }
}

function isRecursive({ name }: ViewDefinition, path: readonly string[]): Error {
  const remedy = "these are computed from each other; let one of them read the sources instead";
  return new Error(`view "${name}": ${path.join(" ← ")}: ${remedy}.`);
}

/** Computes the value of a key. @throws What `compute` throws, or an Error when the value does not fit the view. */
export async function computeKey(execution: Execution, view: ViewDefinition, key: Key, notes: Notes = {}) {
  const { ctx } = new Compute(execution, view, key, notes);
  return view.checkValue(await view.compute(ctx, key.args as never));
}

/**
 * Computes the value of a key, with the version, snapshot and probes that are committed with it.
 * @throws As `computeKey`.
 */
export async function computeValue(execution: Execution, view: ViewDefinition, key: Key, notes?: Notes) {
  const value = (await computeKey(execution, view, key, notes)) as Value;
  const probes = await probeTexts(execution.reader, view, key.args);
  const asOf = execution.reader.meta.getSnapshotTs();
  return { value, version: view.version, asOf, probes };
}
