import type { PaginationOptions, PaginationResult } from "convex/server";
import { getConvexSize, type Value } from "convex/values";
import type { PagedComputing, ViewDefinition } from "../model/definition.js";
import type { Computed, Page } from "../model/jobs.js";
import type { Key } from "../model/row.js";
import { findPages, type RunWork } from "../model/run.js";
import type { AnyQueryCtx, LazyWriter, Run } from "../schema.js";

const FIRST_PAGE_ITEMS = 100;
const MAX_PAGE_ITEMS = 4_000;
const PAGE_BYTES = 4 << 20; // A page should read no more: a quarter of what a transaction may read.
const PAGE_DOCUMENTS = 8_000;
const MAX_PAGES = 10_000; // A run with more pages is considered endless, and fails.
const MAX_ACCUMULATED_BYTES = 1_000_000; // A document has at most 1 MiB, and this one has other fields, too.

/** How far a run of the mode `paged` has come. */
export type Pages = NonNullable<Awaited<ReturnType<typeof findPages>>>;

/** A run that has not ended, with its view and key. */
export type KnownRun = { run: Run & RunWork; view: ViewDefinition; key: Key };

/** Notes that a run begins at its first page. */
export async function startPages(db: LazyWriter, run: Run["_id"], accumulated: Value, now: number): Promise<void> {
  const none = { run, cursor: null, accumulated, pages: 0, items: 0, numItems: FIRST_PAGE_ITEMS };
  await db.insert("lazyPages", { ...none, startedAt: now, updatedAt: now });
}

/** Reads a page. `room`: the next page may have this many times as many items, at most twice as many. */
export async function readPage(ctx: AnyQueryCtx, view: ViewDefinition, key: Key, paginationOpts: PaginationOptions) {
  const before = await ctx.meta.getTransactionMetrics();
  const paged = view.paged as PagedComputing;
  const read = (await paged.page(ctx, key.args as never, paginationOpts)) as PaginationResult<Value>;
  const after = await ctx.meta.getTransactionMetrics();
  if (!Array.isArray(read?.page) || typeof read.isDone !== "boolean") {
    throw new Error(`view "${view.name}": page returned no page; return what .paginate(paginationOpts) returns.`);
  }
  const bytes = after.bytesRead.used - before.bytesRead.used;
  const documents = after.documentsRead.used - before.documentsRead.used;
  const room = Math.min(PAGE_BYTES / bytes, PAGE_DOCUMENTS / documents, 2);
  return { items: read.page, isDone: read.isDone, cursor: read.continueCursor, room };
}

/**
 * Accumulates a page, and stores where the next one begins. After the last page, returns the computed value.
 * @throws What `reduce` and `finish` throw; or an Error, when pages do not end, or when the accumulated or the computed
 * value does not fit.
 */
export async function takePage(db: LazyWriter, known: KnownRun, page: Page): Promise<Computed | undefined> {
  const { run, view, key } = known;
  // The step that asked for this page has found the document in the same transaction.
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
