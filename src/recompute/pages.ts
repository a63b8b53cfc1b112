import type { PaginationResult } from "convex/server";
import { type GenericId, getConvexSize, type Value } from "convex/values";
import type { PagedComputing, ViewDefinition } from "../model/definition.js";
import type { Page } from "../model/jobs.js";
import type { Key } from "../model/row.js";
import { findPages } from "../model/run.js";
import type { AnyQueryCtx, LazyWriter } from "../schema.js";

const FIRST_PAGE_ITEMS = 100;
const MAX_PAGE_ITEMS = 4_000;
/** What one page should read: a quarter of what a transaction may. */
const PAGE_BUDGET = { bytes: 4 << 20, documents: 8_000 };
/** A run of more pages than this is taken for one that never ends. */
const MAX_PAGES = 10_000;
/** A document holds 1 MiB; the run's other fields are in it too. */
const MAX_ACCUMULATED_BYTES = 1_000_000;

type RunId = GenericId<"lazyRuns">;

/** Begins at the first page. */
export async function startPages(db: LazyWriter, run: RunId, accumulated: Value): Promise<void> {
  const now = Date.now();
  await db.insert("lazyPages", {
    run,
    cursor: null,
    accumulated,
    pages: 0,
    items: 0,
    numItems: FIRST_PAGE_ITEMS,
    startedAt: now,
    updatedAt: now,
  });
}

/** After a page that failed: the next attempt asks for half as many items, should they have been too many. */
export async function shrinkPage(db: LazyWriter, run: RunId): Promise<void> {
  const found = await findPages(db, run);
  if (found === null) return;
  const numItems = Math.max(Math.floor(found.numItems / 2), 1);
  await db.patch("lazyPages", found._id, { numItems });
}

/** Says which job reads the next page. */
export async function nextPageBy(db: LazyWriter, run: RunId, job: GenericId<"_scheduled_functions">): Promise<void> {
  const found = await findPages(db, run);
  if (found !== null) await db.patch("lazyPages", found._id, { job });
}

/** Reads a page, and measures what that took. */
export async function readPage(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  key: Key,
  paginationOpts: { cursor: string | null; numItems: number },
): Promise<Page> {
  const before = await ctx.meta.getTransactionMetrics();
  const page = (await pagedOf(view).page(ctx, key.args as never, paginationOpts)) as PaginationResult<Value>;
  const after = await ctx.meta.getTransactionMetrics();
  if (!Array.isArray(page?.page) || typeof page.isDone !== "boolean") {
    throw new Error(`view "${view.name}": page returned no page; return what .paginate(paginationOpts) gives.`);
  }
  return {
    items: page.page,
    isDone: page.isDone,
    cursor: page.continueCursor,
    bytesRead: after.bytesRead.used - before.bytesRead.used,
    documentsRead: after.documentsRead.used - before.documentsRead.used,
  };
}

/**
 * Takes a page in, and says where the next one begins.
 *
 * @returns The finished value after the last page; else undefined.
 * @throws What `reduce` and `finish` throw; or an Error when the pages do not come to an end, or what was accumulated
 * does not fit into a document.
 */
export async function takePage(
  db: LazyWriter,
  view: ViewDefinition,
  key: Key,
  run: RunId,
  page: Page,
): Promise<{ value: unknown } | undefined> {
  const found = await findPages(db, run);
  if (found === null) throw new Error(`view "${view.name}": its run has no pages.`);
  const { reduce, finish } = pagedOf(view);
  let { accumulated } = found;
  for (const item of page.items) {
    accumulated = reduce(accumulated as never, item as never, key.args as never);
  }
  if (page.isDone) return { value: finish(accumulated as never, key.args as never) };
  if (page.cursor === found.cursor || found.pages >= MAX_PAGES) {
    throw new Error(
      `view "${view.name}": page does not come to an end: after ${found.pages + 1} pages its cursor is ` +
        `${JSON.stringify(page.cursor)}. Hand paginationOpts to .paginate() as they are.`,
    );
  }
  const bytes = getConvexSize(accumulated);
  if (bytes > MAX_ACCUMULATED_BYTES) {
    throw new Error(
      `view "${view.name}": after ${found.pages + 1} pages, reduce has accumulated ${bytes} bytes; ` +
        `at most ${MAX_ACCUMULATED_BYTES} fit in a document. Accumulate less, or give each part a key of its own.`,
    );
  }
  await db.patch("lazyPages", found._id, {
    cursor: page.cursor,
    accumulated,
    pages: found.pages + 1,
    items: found.items + page.items.length,
    numItems: nextSize(found.numItems, page),
    updatedAt: Date.now(),
  });
  return undefined;
}

/** At most twice as many as before, and no more than the budget allows. */
function nextSize(numItems: number, { bytesRead, documentsRead }: Page): number {
  const room = Math.min(
    PAGE_BUDGET.bytes / Math.max(bytesRead, 1),
    PAGE_BUDGET.documents / Math.max(documentsRead, 1),
    2,
  );
  return Math.min(Math.max(Math.floor(numItems * room), 1), MAX_PAGE_ITEMS);
}

export function pagedOf(view: ViewDefinition): PagedComputing {
  return view.paged as PagedComputing;
}
