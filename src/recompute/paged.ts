import type {
  DataModelFromSchemaDefinition,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  GenericDataModel,
  PaginationResult,
  SchemaDefinition,
} from "convex/server";
import { defineTable } from "convex/server";
import { getConvexSize, type VAny, type Value, v } from "convex/values";
import type { AnyQueryCtx } from "../staleness/predicate.js";
import type { PagedComputing, ViewDefinition } from "../views/definition.js";
import type { Key } from "../views/keys.js";

export const runTables = {
  // How far a paged run has come: one document while it lasts. Written by each of its pages; nobody else reads it
  // but `view.progress`.
  lazyRuns: defineTable({
    view: v.string(),
    key: v.string(),
    run: v.int64(),
    // The view's version: pages are not taken in by different code.
    version: v.number(),
    cursor: v.union(v.string(), v.null()),
    accumulated: v.any() as VAny<Value>,
    pages: v.number(),
    items: v.number(),
    /** How many items the next page should have. */
    numItems: v.number(),
    startedAt: v.number(),
    updatedAt: v.number(),
    probes: v.optional(v.array(v.string())),
  }).index("by_row", ["view", "key"]),
};

type RunDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof runTables, true>>;

const FIRST_PAGE_ITEMS = 100;
const MAX_PAGE_ITEMS = 4_000;
/** What one page should read: a quarter of what a transaction may. */
const PAGE_BUDGET = { bytes: 4 << 20, documents: 8_000 };
/** A run of more pages than this is taken for one that never ends. */
const MAX_PAGES = 10_000;

/** A document holds 1 MiB; the run's other fields are in it too. */
const MAX_ACCUMULATED_BYTES = 1_000_000;

/** How far a paged run has come. */
export interface RunProgress {
  pages: number;
  items: number;
  /** In ms since 1970. */
  startedAt: number;
}

/** One page, and what reading it took. */
export interface Page {
  items: Value[];
  isDone: boolean;
  cursor: string;
  bytesRead: number;
  documentsRead: number;
}

/** The document of a key's paged run, if there is one. */
export async function findRun(
  db: GenericDatabaseReader<GenericDataModel>,
  view: Pick<ViewDefinition, "name">,
  key: Key,
) {
  return await (db as unknown as GenericDatabaseReader<RunDataModel>)
    .query("lazyRuns")
    .withIndex("by_row", (q) => q.eq("view", view.name).eq("key", key.text))
    .first();
}

/** Begins at the first page. What an earlier run has left is done away with. */
export async function startPages(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  { run, probes }: { run: bigint; probes: string[] | undefined },
): Promise<void> {
  await endPages(db, view, key);
  const now = Date.now();
  await runs(db).insert("lazyRuns", {
    view: view.name,
    key: key.text,
    run,
    version: view.version,
    cursor: null,
    accumulated: pagedOf(view).initial(key.args as never),
    pages: 0,
    items: 0,
    numItems: FIRST_PAGE_ITEMS,
    startedAt: now,
    updatedAt: now,
    ...(probes === undefined ? {} : { probes }),
  });
}

export async function endPages(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: Pick<ViewDefinition, "name">,
  key: Key,
): Promise<void> {
  const found = await findRun(db, view, key);
  if (found !== null) await runs(db).delete("lazyRuns", found._id);
}

/** After a page that failed: the next attempt asks for half as many items, should they have been too many. */
export async function shrinkPage(
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
): Promise<void> {
  const found = await findRun(db, view, key);
  if (found === null) return;
  const numItems = Math.max(Math.floor(found.numItems / 2), 1);
  await runs(db).patch("lazyRuns", found._id, { numItems });
}

/** Reads a page, and measures what that took. */
export async function readPage(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  key: Key,
  paginationOpts: { cursor: string | null; numItems: number },
): Promise<Page> {
  const before = await ctx.meta.getTransactionMetrics();
  const page = (await pagedOf(view).page(
    ctx,
    key.args as never,
    paginationOpts,
  )) as PaginationResult<Value>;
  const after = await ctx.meta.getTransactionMetrics();
  if (!Array.isArray(page?.page) || typeof page.isDone !== "boolean") {
    throw new Error(
      `view "${view.name}": page returned no page; return what .paginate(paginationOpts) gives.`,
    );
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
  db: GenericDatabaseWriter<GenericDataModel>,
  view: ViewDefinition,
  key: Key,
  page: Page,
): Promise<{ value: unknown; probes?: string[] } | undefined> {
  const found = await findRun(db, view, key);
  if (found === null) throw new Error(`view "${view.name}": its run has no document.`);
  const { reduce, finish } = pagedOf(view);
  let accumulated = found.accumulated;
  for (const item of page.items) {
    accumulated = reduce(accumulated as never, item as never, key.args as never);
  }
  if (page.isDone) {
    const { probes } = found;
    const value = finish(accumulated as never, key.args as never);
    return { value, ...(probes === undefined ? {} : { probes }) };
  }
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
  await runs(db).patch("lazyRuns", found._id, {
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

function pagedOf(view: ViewDefinition): PagedComputing {
  return view.paged as PagedComputing;
}

function runs(db: GenericDatabaseWriter<GenericDataModel>): GenericDatabaseWriter<RunDataModel> {
  return db as unknown as GenericDatabaseWriter<RunDataModel>;
}
