import type { PaginationOptions, PaginationResult } from "convex/server";
import { getConvexSize, type Value } from "convex/values";
import type { PagedComputing, ViewDefinition } from "../model/definition.js";
import type { Computed, Page } from "../model/jobs.js";
import type { Key } from "../model/row.js";
import { findPages, type RunWork } from "../model/run.js";
import type { AnyQueryCtx, LazyWriter, Run } from "../schema.js";

const FIRST_PAGE_ITEMS = 100;
const MAX_PAGE_ITEMS = 4_000;
const PAGE_BYTES = 4 << 20; // What one page should read: a quarter of what a transaction may.
const PAGE_DOCUMENTS = 8_000;
const MAX_PAGES = 10_000; // A run of more pages than this is taken for one that never ends.
const MAX_ACCUMULATED_BYTES = 1_000_000; // A document holds 1 MiB; the run's other fields are in it too.

export type Pages = NonNullable<Awaited<ReturnType<typeof findPages>>>; // How far a run of the mode `paged` has come.

/** A run that lasts, with the view and key that it is of. */
export type KnownRun = { run: Run & RunWork; view: ViewDefinition; key: Key };

/** Begins at the first page. */
export async function startPages(db: LazyWriter, run: Run["_id"], accumulated: Value, now: number): Promise<void> {
  const none = { run, cursor: null, accumulated, pages: 0, items: 0, numItems: FIRST_PAGE_ITEMS };
  await db.insert("lazyPages", { ...none, startedAt: now, updatedAt: now });
}

/** Reads a page, and measures for how many times as many items there is room: for twice as many at most. */
export async function readPage(ctx: AnyQueryCtx, view: ViewDefinition, key: Key, paginationOpts: PaginationOptions) {
  const before = await ctx.meta.getTransactionMetrics();
  const paged = view.paged as PagedComputing;
  const read = (await paged.page(ctx, key.args as never, paginationOpts)) as PaginationResult<Value>;
  const after = await ctx.meta.getTransactionMetrics();
  if (!Array.isArray(read?.page) || typeof read.isDone !== "boolean") {
    throw new Error(`view "${view.name}": page returned no page; return what .paginate(paginationOpts) gives.`);
  }
  const bytes = after.bytesRead.used - before.bytesRead.used;
  const documents = after.documentsRead.used - before.documentsRead.used;
  const room = Math.min(PAGE_BYTES / bytes, PAGE_DOCUMENTS / documents, 2);
  return { items: read.page, isDone: read.isDone, cursor: read.continueCursor, room };
}

/**
 * Takes a page in, and says where the next one begins. Returns what was computed after the last page. @throws What
 * `reduce` and `finish` throw; or an Error when pages do not end, or what they accumulate or compute does not fit.
 */
export async function takePage(db: LazyWriter, known: KnownRun, page: Page): Promise<Computed | undefined> {
  const { run, view, key } = known;
  // The step that has asked for the page has found them, in this transaction.
  const found = (await findPages(db, run._id)) as Pages;
  const { reduce, finish } = view.paged as PagedComputing;
  const args = key.args as never;
  let { accumulated } = found;
  for (const item of page.items) accumulated = reduce(accumulated as never, item as never, args) ?? null;
  if (page.isDone) {
    const value = view.checkValue(finish(accumulated as never, args)) as Value;
    const { version, asOf, probes } = run;
    return { value, version, asOf, probes };
  }
  const pages = found.pages + 1;
  const what = `view "${view.name}": after ${pages} pages,`;
  if (page.cursor === found.cursor || pages > MAX_PAGES) {
    const cursor = JSON.stringify(page.cursor);
    throw new Error(`${what} page returned the cursor ${cursor} and no end; pass paginationOpts on unchanged.`);
  }
  const bytes = getConvexSize(accumulated);
  if (bytes > MAX_ACCUMULATED_BYTES) {
    throw new Error(`${what} reduce has accumulated ${bytes} bytes, more than a document holds; split the key.`);
  }
  await db.patch("lazyPages", found._id, {
    cursor: page.cursor,
    accumulated,
    pages,
    items: found.items + page.items.length,
    numItems: Math.min(Math.max(Math.floor(found.numItems * page.room), 1), MAX_PAGE_ITEMS),
    updatedAt: Date.now(),
  });
  return undefined;
}
