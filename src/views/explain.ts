import { ledgerKey } from "../effects/effect.js";
import { findEntry } from "../effects/ledger.js";
import { pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { Execution } from "../model/execution.js";
import { askedFor, findRow, hasValue, recomputeEffect, toKey } from "../model/row.js";
import { findRun } from "../model/run.js";
import { findWaiting } from "../recompute/turns.js";
import { type Entry, lazyDb } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { tagsOf } from "../staleness/tags.js";
import { type Documents, toDocuments } from "../tracking/dependency.js";
import { dependenciesOf } from "../tracking/store.js";
import type { RowState } from "./read.js";

/**
 * What {@link View.explain} returns: why the row of a key is as it is. It is made of plain objects. Points in time are
 * in ms since 1970; null means that there is none.
 */
export interface Explanation {
  /** What a reader would find. */
  state: RowState;
  /** When the value was committed. */
  computedAt: number | null;
  /** The version of the view that computed the value. */
  version: number | null;
  /** The time of the snapshot that the value was computed from. */
  asOf: number | null;
  /** The mark of the row: it is out of date. Null when nothing has marked it since its commit. */
  marked: {
    /** When the row was marked first. */
    at: number;
    /**
     * What marked it first: `"insert into flights"`, `"patch of flights"`, `"invalidate"` or `"audit"`, for example.
     */
    by: string | null;
    /** When the row was marked last, if it was marked again. */
    againAt: number | null;
  } | null;
  /** What `compute` has read, in a tracked view; else the declared source tables, without `fields`. */
  dependsOn: Documents[];
  /** The views that `compute` has read, with the versions that it got. */
  over: Record<string, number>;
  /** The tags of the key. */
  tags: string[];
  /** What the next recompute waits for. */
  waits: {
    /** Until when an announced recompute may take; readers raise nothing before. */
    announcedUntil: number | null;
    /** The end of the last window in which a recompute was dispatched. */
    windowEndsAt: number | null;
    /**
     * When the scheduled job starts: one that was put off to the end of the window, or the retry of one that failed.
     */
    jobAt: number | null;
    /** The last failure: its `message`, how many `attempts` failed in a row, `failedAt`, and `retryAt`. */
    failure: Entry["failure"] | null;
    /** The run, in all modes but `transaction`. */
    run: {
      /** When the run began. */
      startedAt: number;
      /** When a source changed first since then. */
      touchedAt: number | null;
    } | null;
    /** Whether the key waits for its turn, in a view with `maxParallel`. */
    isQueued: boolean;
  };
}

/** @throws Error, when the key does not fit the view. */
export async function explainRow(execution: Execution, view: ViewDefinition, rawKey: unknown): Promise<Explanation> {
  const { app, reader: ctx } = execution;
  const key = toKey(view, rawKey);
  const { args, text } = key;
  const db = lazyDb(ctx.db);
  const row = await findRow(ctx.db, view, text);
  const recompute = recomputeEffect(pathOf(app, "recompute"), view, askedFor(key), row);
  const entry = await findEntry(db, ledgerKey(recompute));
  const job = entry?.trailingJob && (await db.system.get("_scheduled_functions", entry.trailingJob));
  const run = await findRun(ctx.db, view, text);
  const registered = await dependenciesOf(ctx.db, { view: view.name, key: text });
  const texts = row?.tracked?.shared ?? [];
  const shared: Documents[] = texts.map((each) => ({ ...toDocuments({ text: each }), shared: true }));
  const { computedAt = null, version = null, asOf, dirtyAt, markedBy = null, nudgedAt = null } = row ?? {};
  return {
    state: hasValue(row) ? await judgeForReader(ctx, view, row, () => {}) : "missing",
    computedAt,
    version,
    asOf: asOf === undefined ? null : Number(asOf / 1_000_000n),
    marked: dirtyAt === undefined ? null : { at: dirtyAt, by: markedBy, againAt: nudgedAt },
    dependsOn: [...Object.keys(view.sources).map((table) => ({ table })), ...registered.map(toDocuments), ...shared],
    over: row?.tracked?.over ?? {},
    tags: tagsOf(view, args),
    waits: {
      announcedUntil: row?.pendingUntil ?? null,
      windowEndsAt: entry?.windowEndsAt ?? null,
      jobAt: job?.state.kind === "pending" ? job.scheduledTime : null,
      failure: entry?.failure ?? null,
      run: run && { startedAt: run._creationTime, touchedAt: run.touchedAt ?? null },
      isQueued: view.maxParallel !== undefined && (await findWaiting(db, view.name, text)) !== undefined,
    },
  };
}
