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

/** What `view.explain` says of a key. Points in time are in ms since 1970; null says that there is none. */
export interface Explanation {
  /** What a reader would find; when it was committed, by which version of the view, and from which snapshot. */
  state: RowState;
  computedAt: number | null;
  version: number | null;
  asOf: number | null;
  /** When the row was marked first, by what (such as "insert into flights" or "audit"), and when it was marked again. */
  marked: { at: number; by: string | null; againAt: number | null } | null;
  /** What was read, in a tracked view; else the source tables. */
  dependsOn: Documents[];
  /** The views under the row, with the versions that it was computed from. */
  over: Record<string, number>;
  tags: string[];
  waits: {
    /** A recompute was announced, so that readers do not ask; until then. */
    announcedUntil: number | null;
    /** The end of the last window in which a recompute was dispatched. */
    windowEndsAt: number | null;
    /** When the job starts that was put off to the window's end, or retries what failed. */
    jobAt: number | null;
    /** Why recomputes fail, how often they did in a row, and when the next may start. */
    failure: Entry["failure"] | null;
    /** In the modes other than `transaction`: when the run began, and when a source has changed since. */
    run: { startedAt: number; touchedAt: number | null } | null;
    /** Whether it waits for its turn, in a view with `maxParallel`. */
    isQueued: boolean;
  };
}

/** @throws Error when the key does not fit the view. */
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
