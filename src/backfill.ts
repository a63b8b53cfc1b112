import type {
  DataModelFromSchemaDefinition,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  SchemaDefinition,
} from "convex/server";
import { defineTable } from "convex/server";
import { v } from "convex/values";
import { type AnyMutationCtx, dispatchInMutation, type LazyApp, snapshot } from "./app.js";
import { describe } from "./effects/canonical.js";
import { type Effect, ledgerKey } from "./effects/effect.js";
import type { Sweep } from "./effects/sweep.js";
import { isNearlyOut } from "./limits.js";
import { judgeForReader } from "./staleness/judge.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import type { ViewDefinition } from "./views/definition.js";
import { toKey } from "./views/keys.js";
import { recomputeEffect } from "./views/recomputeEffect.js";
import { findRow } from "./views/rows.js";

/*
 * Backfill: the documents of a source are gone through, oldest first, and the rows of their keys are recomputed that
 * are not fresh. Each step is a call of the mutation `sweep`, under a name that no table can have.
 */

const PREFIX = "backfill:";
/** Documents looked at in one step, where their keys are few. */
const PAGE_ITEMS = 100;
/** Rows asked for in one step: each may schedule a job of its transaction, and write an entry of the ledger. */
const MAX_ROWS = 400;

export const backfillTables = {
  // One document for each view and source that was ever backfilled: how far it has come. Written by each step.
  lazyBackfills: defineTable({
    view: v.string(),
    source: v.string(),
    // Where the next page of documents begins, and how many it has at most.
    cursor: v.union(v.string(), v.null()),
    numItems: v.number(),
    documents: v.number(),
    rows: v.number(),
    failed: v.number(),
    error: v.optional(v.string()),
    startedAt: v.number(),
    endedAt: v.optional(v.number()),
  }).index("by_source", ["view", "source"]),
};

type BackfillDataModel = DataModelFromSchemaDefinition<
  SchemaDefinition<typeof backfillTables, true>
>;

/** How far a backfill has come. */
export interface BackfillProgress {
  /** Documents of the source that were looked at. */
  documents: number;
  /** Rows that were not fresh, and whose recompute was asked for. */
  rows: number;
  /** Documents whose keys could not be told, and were passed over. */
  failed: number;
  /** Why the last of them could not. */
  error?: string;
  /** In ms since 1970. */
  startedAt: number;
  /** In ms since 1970; absent while it is under way. */
  endedAt?: number;
}

/** The next page of the source. */
export interface BackfillPage {
  effects: Effect[];
  documents: number;
  failed: number;
  error?: string;
  cursor: string;
  isDone: boolean;
}

export function isBackfill({ table }: Sweep): boolean {
  return table.startsWith(PREFIX);
}

/** Begins a backfill, or goes on with one that has stopped; one that has ended begins anew. */
export async function startBackfill(
  app: LazyApp,
  ctx: AnyMutationCtx,
  view: ViewDefinition,
  source: string,
): Promise<void> {
  const db = writer(ctx);
  const known = await findBackfill(db, view.name, source);
  const beginning = { cursor: null, numItems: PAGE_ITEMS, documents: 0, rows: 0, failed: 0 };
  const anew = { view: view.name, source, ...beginning, startedAt: Date.now() };
  if (known === null) await db.insert("lazyBackfills", anew);
  else if (known.endedAt !== undefined) await db.replace("lazyBackfills", known._id, anew);
  await goOn(app, ctx, `${PREFIX}${view.name}:${source}`);
}

/**
 * One step: a page of the source is looked up through a stale snapshot, and its effects are dispatched here. One that is
 * too much for a transaction is asked for again with half as many documents.
 */
export async function runBackfill(
  app: LazyApp,
  ctx: AnyMutationCtx,
  sweep: Sweep,
): Promise<{ swept: number }> {
  const { view, source } = parse(sweep);
  const db = writer(ctx);
  const progress = await findBackfill(db, view, source);
  if (progress === null || progress.endedAt !== undefined || !app.views.has(view)) {
    return { swept: 0 };
  }
  const { _id, cursor, numItems } = progress;
  const page = await snapshot<BackfillPage | null>(app, ctx, {
    backfill: { ...sweep, cursor, numItems },
  });
  if (page === null) {
    await db.patch("lazyBackfills", _id, { numItems: Math.floor(numItems / 2) });
    await goOn(app, ctx, sweep.table);
    return { swept: 0 };
  }
  await dispatchInMutation(app, ctx, page.effects);
  await db.patch("lazyBackfills", _id, {
    cursor: page.cursor,
    numItems: Math.min(numItems * 2, PAGE_ITEMS),
    documents: progress.documents + page.documents,
    rows: progress.rows + page.effects.length,
    failed: progress.failed + page.failed,
    ...(page.error === undefined ? {} : { error: page.error }),
    ...(page.isDone ? { endedAt: Date.now() } : {}),
  });
  if (!page.isDone) await goOn(app, ctx, sweep.table);
  return { swept: page.effects.length };
}

/**
 * The next documents of the source, and an effect for each of their rows that is not fresh. A document whose keys cannot
 * be told is passed over.
 *
 * @returns Null when there are too many rows for one step, and fewer documents may have fewer.
 */
export async function readBackfill(
  app: LazyApp,
  ctx: AnyQueryCtx,
  { cursor, numItems, ...sweep }: Sweep & { cursor: string | null; numItems: number },
): Promise<BackfillPage | null> {
  const names = parse(sweep);
  const view = app.views.get(names.view) as ViewDefinition;
  const { page, ...rest } = await ctx.db.query(names.source).paginate({ cursor, numItems });
  const effects = new Map<string, Effect>();
  const found = { documents: page.length, failed: 0 };
  let failure: string | undefined;
  for (const document of page) {
    try {
      for (const key of keysOf(view, names.source, document)) {
        const isTooMuch = effects.size >= MAX_ROWS || (await isNearlyOut(ctx));
        if (isTooMuch && page.length > 1) return null;
        if (isTooMuch) throw new Error(`it has more than ${MAX_ROWS} keys`);
        const effect = await effectFor(app, ctx, view, key);
        if (effect !== null) effects.set(ledgerKey(effect), effect);
      }
    } catch (error) {
      found.failed++;
      failure = `${document._id}: ${error instanceof Error ? error.message : error}`;
    }
  }
  return {
    ...found,
    effects: [...effects.values()],
    ...(failure === undefined ? {} : { error: failure }),
    cursor: rest.continueCursor,
    isDone: rest.isDone,
  };
}

function keysOf(view: ViewDefinition, source: string, document: unknown): unknown[] {
  const keys = view.sources[source]?.(document as never);
  if (Array.isArray(keys)) return keys;
  throw new Error(`sources.${source} returned ${describe(keys)}, not an array of keys`);
}

/** The effect that a reader of the key would raise; null when its row is fresh. */
export async function effectFor(
  app: LazyApp,
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  rawKey: unknown,
): Promise<Effect | null> {
  const key = toKey(view, rawKey);
  const row = await findRow(ctx.db, view, key.text);
  const isFresh = row !== null && row.seq > 0 && (await judgeForReader(ctx, view, row)) === "fresh";
  const isUnderWay = row?.pending === true || row?.refreshing !== undefined;
  if (isFresh || isUnderWay) return null;
  return recomputeEffect(app.refs.path("recompute"), view, key, row);
}

/** How far the backfill of a view from a source has come; null when there was none. */
export async function backfillProgress(
  ctx: Pick<AnyQueryCtx, "db">,
  view: string,
  source: string,
): Promise<BackfillProgress | null> {
  const db = ctx.db as unknown as GenericDatabaseReader<BackfillDataModel>;
  const found = await findBackfill(db, view, source);
  if (found === null) return null;
  const { documents, rows, failed, error, startedAt, endedAt } = found;
  return {
    ...{ documents, rows, failed, startedAt },
    ...(error === undefined ? {} : { error }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}

async function findBackfill(
  db: GenericDatabaseReader<BackfillDataModel>,
  view: string,
  source: string,
) {
  return await db
    .query("lazyBackfills")
    .withIndex("by_source", (q) => q.eq("view", view).eq("source", source))
    .first();
}

async function goOn(app: LazyApp, ctx: AnyMutationCtx, table: string): Promise<void> {
  await ctx.scheduler.runAfter(0, app.refs.sweep, { table, sweepAt: Date.now() });
}

function parse({ table }: Sweep): { view: string; source: string } {
  const [view = "", source = ""] = table.slice(PREFIX.length).split(":");
  return { view, source };
}

function writer({ db }: AnyMutationCtx): GenericDatabaseWriter<BackfillDataModel> {
  return db as unknown as GenericDatabaseWriter<BackfillDataModel>;
}
