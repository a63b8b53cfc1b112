import type {
  DataModelFromSchemaDefinition,
  DocumentByName,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  SchemaDefinition,
  WithoutSystemFields,
} from "convex/server";
import { defineTable } from "convex/server";
import { type GenericId, v } from "convex/values";
import { ensureSweep, type SweepCtx, sweepTime } from "./sweep.js";

export const ledgerTables = {
  // The ledger: one document a key while its window lasts. Written when a window opens, when something is put
  // off to its end, and when a recompute fails or recovers; never by a duplicate. Readers never look at it.
  lazyEffects: defineTable({
    key: v.string(),
    target: v.string(),
    windowEndsAt: v.number(),
    // The commit that the last dispatched effect saw. An effect that saw another one is news.
    seq: v.optional(v.number()),
    // The one job at `windowEndsAt`: a trailing recompute, or the retry of a failed one.
    trailingJob: v.optional(v.id("_scheduled_functions")),
    failure: v.optional(
      v.object({
        message: v.string(),
        attempts: v.number(),
        failedAt: v.number(),
        // Until then the work is not started again.
        retryAt: v.number(),
      }),
    ),
    // When clean-up may delete the entry: with its window, later when it holds a failure.
    expiresAt: v.number(),
  })
    .index("by_key", ["key"])
    .index("by_expiry", ["expiresAt"])
    .index("by_failure", ["failure.failedAt"]),
  // One document for each table and span of time in which something of it expires: whoever inserts it schedules
  // the sweep. Written twice a span, however much expires in it.
  lazySweeps: defineTable({ table: v.string(), sweepAt: v.number() }).index("by_time", [
    "table",
    "sweepAt",
  ]),
};

type LedgerDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof ledgerTables, true>>;
export type LedgerReader = GenericDatabaseReader<LedgerDataModel>;
export type LedgerWriter = GenericDatabaseWriter<LedgerDataModel>;
export type LedgerEntry = DocumentByName<LedgerDataModel, "lazyEffects">;

/** How long a failure stays readable after its last attempt: a day. */
const FAILURE_RETENTION_MS = 24 * 3_600_000;

/** One document, one index range; so a dispatch depends on nothing but the entries it may write. */
export async function findEntry(db: LedgerReader, key: string): Promise<LedgerEntry | null> {
  return await db
    .query("lazyEffects")
    .withIndex("by_key", (q) => q.eq("key", key))
    .first();
}

/** What changes in an entry; undefined takes a field away. `expiresAt` follows from the rest. */
export type EntryChange = {
  [Field in "windowEndsAt" | "seq" | "trailingJob" | "failure"]?: LedgerEntry[Field] | undefined;
};

/** What it takes to write to the ledger. */
export type LedgerCtx = SweepCtx;

/** Entries that expire within the same ten minutes are swept together. */
const SWEEP_SPAN_MS = 10 * 60_000;

/** Writes an entry, and makes sure that a sweep will find it when it has expired. */
export async function writeEntry(
  ctx: LedgerCtx,
  entry: LedgerEntry | null,
  initial: { key: string; target: string },
  change: EntryChange & { windowEndsAt: number },
): Promise<void> {
  const failure = "failure" in change ? change.failure : entry?.failure;
  const expiresAt =
    failure === undefined ? change.windowEndsAt : change.windowEndsAt + FAILURE_RETENTION_MS;
  if (entry === null) {
    const created = { ...initial, ...change, expiresAt };
    await ctx.db.insert("lazyEffects", created as WithoutSystemFields<LedgerEntry>);
  } else await ctx.db.patch("lazyEffects", entry._id, { ...change, expiresAt });
  const sweepAt = sweepTime(expiresAt, SWEEP_SPAN_MS);
  if (entry === null || sweepTime(entry.expiresAt, SWEEP_SPAN_MS) !== sweepAt) {
    await ensureSweep(ctx, { table: "lazyEffects", sweepAt });
  }
}

/**
 * Deletes an entry that has expired by then. It depends on this document and on no range, so a dispatch that opens
 * its window again conflicts with it at most once, and other dispatches never.
 */
export async function deleteExpired(
  db: LedgerWriter,
  id: GenericId<"lazyEffects">,
  by: number,
): Promise<void> {
  const entry = await db.get("lazyEffects", id);
  if (entry !== null && entry.expiresAt <= by) await db.delete("lazyEffects", id);
}
