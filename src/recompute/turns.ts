import type {
  DataModelFromSchemaDefinition,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  GenericDataModel,
  GenericMutationCtx,
  SchemaDefinition,
} from "convex/server";
import { defineTable, makeFunctionReference } from "convex/server";
import { type VAny, type Value, v } from "convex/values";
import { canonicalText } from "../effects/canonical.js";
import { isAhead } from "../effects/clock.js";
import type { ViewDefinition } from "../views/definition.js";
import type { RecomputeArgs } from "./recompute.js";

/*
 * Turns: of a view with `maxParallel`, so many recomputes run at a time. A job takes a free slot and is scheduled again
 * with it, so that others see it taken; when there is none it waits in the queue, each key once. Whoever ends hands the
 * slot to the job that has waited longest: nobody polls. A watchdog hands it on for a job that has died.
 */

export const turnTables = {
  // One document for each slot that is taken. Written when it is taken, handed on, or given back.
  lazySlots: defineTable({
    view: v.string(),
    index: v.number(),
    // Who has it: handed on, it has another token, so that a late end of the former gives nothing back.
    token: v.int64(),
    // Until then it is believed to be in use, in ms since 1970.
    until: v.number(),
    watchdog: v.id("_scheduled_functions"),
  }).index("by_slot", ["view", "index"]),
  // One document for each key that waits for its turn: written once, and again when another job asks for the key.
  lazyQueue: defineTable({ view: v.string(), key: v.string(), job: v.any() as VAny<Value> })
    .index("by_view", ["view"])
    .index("by_key", ["view", "key"]),
};

type TurnDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof turnTables, true>>;

/** A job's turn: the slot that it has. */
export type Turn = { index: number; token: bigint };

/** What is added to the time that a run may take without a sign of life before its slot is believed to be free. */
const MARGIN_MS = 10 * 60_000;
/** Jobs of a view that is gone, dropped in one transaction. */
const DROPPED = 100;

/** Gives a job its turn, now or later: it is scheduled again with its slot. */
export async function awaitTurn(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  self: string,
  job: RecomputeArgs,
): Promise<void> {
  const db = writer(ctx);
  const queued = { view: view.name, key: canonicalText(job.args) };
  const waiting = await findWaiting(db, queued.view, queued.key);
  const earlier = waiting?.job as unknown as RecomputeArgs | undefined;
  // The job of the later window knows the one that is the key's; another one may only be late.
  const isLater = earlier === undefined || windowOf(job) > windowOf(earlier);
  const next = isLater ? job : earlier;
  // Also for a key that waits already: a slot may have been left behind by a job that died with its watchdog.
  const index = await freeSlot(db, view);
  if (index === undefined) {
    if (waiting === null)
      await db.insert("lazyQueue", { ...queued, job: next as unknown as Value });
    else if (isLater) await db.patch("lazyQueue", waiting._id, { job: next as unknown as Value });
    return;
  }
  if (waiting !== null) await db.delete("lazyQueue", waiting._id);
  const turn = { index, token: ctx.meta.getSnapshotTs() };
  const { name } = view;
  await db.insert("lazySlots", { view: name, ...turn, ...(await watched(ctx, view, self, turn)) });
  await start(ctx, self, { ...next, turn });
}

/** A slot that nobody has; one that was left behind is cleared away. */
async function freeSlot(
  db: GenericDatabaseWriter<TurnDataModel>,
  view: ViewDefinition,
): Promise<number | undefined> {
  const taken = await db
    .query("lazySlots")
    .withIndex("by_slot", (q) => q.eq("view", view.name))
    .collect();
  const inUse = new Set(taken.filter((slot) => isInUse(view, slot)).map(({ index }) => index));
  const free = Array.from({ length: view.maxParallel ?? 0 }, (_, i) => i).find(
    (i) => !inUse.has(i),
  );
  const abandoned = taken.find(({ index }) => index === free);
  if (abandoned !== undefined) await db.delete("lazySlots", abandoned._id);
  return free;
}

/** The window that a job is of, told by its end or, for one that was put off, by its begin. */
function windowOf({ trailingAt, windowEndsAt = 0 }: RecomputeArgs): number {
  return trailingAt ?? windowEndsAt;
}

/** Whether a key waits for its turn. */
export async function isWaiting(
  db: GenericDatabaseReader<GenericDataModel>,
  view: string,
  key: string,
): Promise<boolean> {
  return (await findWaiting(db as unknown as TurnReader, view, key)) !== null;
}

/** A run goes on: its slot stays its own for as long as a run may take from now on. */
export async function keepTurn(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  turn: Turn,
): Promise<void> {
  const slot = await findSlot(writer(ctx), view.name, turn);
  const isHalfOver = slot !== null && slot.until - Date.now() < lastsMs(view) / 2;
  if (isHalfOver)
    await writer(ctx).patch("lazySlots", slot._id, { until: Date.now() + lastsMs(view) });
}

/** Ends a job's turn: the one that has waited longest is next. */
export async function endTurn(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  self: string,
  turn: Turn,
): Promise<void> {
  const slot = await findSlot(writer(ctx), view.name, turn);
  if (slot === null) return;
  await ctx.scheduler.cancel(slot.watchdog);
  await handOn(ctx, view, self, slot);
}

/**
 * The watchdog of a turn: hands on the slot of a job that has died; or looks again later, when the slot was kept. The
 * queue of a view that is not in the code any more is given up.
 */
export async function guardTurn(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition | undefined,
  self: string,
  job: RecomputeArgs & { turn: Turn },
): Promise<void> {
  const db = writer(ctx);
  const slot = await findSlot(db, job.view, job.turn);
  if (slot === null) return;
  if (view === undefined) {
    const waiting = await db
      .query("lazyQueue")
      .withIndex("by_view", (q) => q.eq("view", job.view))
      .take(DROPPED);
    for (const { _id } of waiting) await db.delete("lazyQueue", _id);
    if (waiting.length < DROPPED) await db.delete("lazySlots", slot._id);
    else await start(ctx, self, job);
  } else if (isInUse(view, slot)) {
    const watchdog = await ctx.scheduler.runAt(slot.until, reference(self), job);
    await db.patch("lazySlots", slot._id, { watchdog });
  } else await handOn(ctx, view, self, slot);
}

async function handOn(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  self: string,
  slot: Slot,
): Promise<void> {
  const db = writer(ctx);
  const next = await db
    .query("lazyQueue")
    .withIndex("by_view", (q) => q.eq("view", view.name))
    .first();
  // A view that has no limit any more still works its queue off.
  if (next === null || slot.index >= (view.maxParallel ?? Number.POSITIVE_INFINITY)) {
    await db.delete("lazySlots", slot._id);
    return;
  }
  const turn = { index: slot.index, token: ctx.meta.getSnapshotTs() };
  const handed = { token: turn.token, ...(await watched(ctx, view, self, turn)) };
  await db.patch("lazySlots", slot._id, handed);
  await db.delete("lazyQueue", next._id);
  await start(ctx, self, { ...(next.job as unknown as RecomputeArgs), turn });
}

/** Until when a slot is taken that is taken now, and who looks then. */
async function watched(
  ctx: GenericMutationCtx<GenericDataModel>,
  view: ViewDefinition,
  self: string,
  turn: Turn,
) {
  const until = Date.now() + lastsMs(view);
  const job = { view: view.name, args: {}, turn, watchdog: true };
  return { until, watchdog: await ctx.scheduler.runAt(until, reference(self), job) };
}

function isInUse(view: ViewDefinition, { until }: Slot): boolean {
  return isAhead(until, Date.now(), lastsMs(view));
}

function lastsMs({ timeoutMs }: ViewDefinition): number {
  return timeoutMs + MARGIN_MS;
}

async function start(
  ctx: GenericMutationCtx<GenericDataModel>,
  self: string,
  job: RecomputeArgs,
): Promise<void> {
  await ctx.scheduler.runAfter(0, reference(self), job);
}

type TurnReader = GenericDatabaseReader<TurnDataModel>;
type Slot = NonNullable<Awaited<ReturnType<typeof findSlot>>>;

async function findSlot(db: TurnReader, view: string, { index, token }: Turn) {
  const slot = await db
    .query("lazySlots")
    .withIndex("by_slot", (q) => q.eq("view", view).eq("index", index))
    .first();
  return slot?.token === token ? slot : null;
}

async function findWaiting(db: TurnReader, view: string, key: string) {
  return await db
    .query("lazyQueue")
    .withIndex("by_key", (q) => q.eq("view", view).eq("key", key))
    .first();
}

function reference(path: string) {
  return makeFunctionReference<"mutation", RecomputeArgs>(path);
}

function writer({
  db,
}: GenericMutationCtx<GenericDataModel>): GenericDatabaseWriter<TurnDataModel> {
  return db as unknown as GenericDatabaseWriter<TurnDataModel>;
}
