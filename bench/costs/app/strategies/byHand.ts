import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { type Change, Triggers } from "convex-helpers/server/triggers";
import {
  internalMutation,
  type Key,
  keyArgs,
  type MutationCtx,
  mutation,
  pageOf,
  prepareOn,
  type QueryCtx,
  query,
  soFar,
  sumUp,
  type Totals,
  writing,
} from "../items";
import type { DataModel } from "../schema";

/*
 * Strategies without a library for views: the query computes the sums, a trigger of convex-helpers or a cron keeps
 * them, or clients ask for them.
 */

/** Only the writes, which all other strategies pay too. */
export const bare = () => ({ ...writing(mutation), read: query(async () => null) });

export const inQuery = () => ({
  ...writing(mutation),
  read: query({ args: keyArgs, handler: sumUp }),
});

/** The trigger computes the sums anew at every write. */
export const triggerRecompute = () =>
  withTrigger(async (ctx, { key }) => await store(ctx, { key }, await sumUp(ctx, { key })));

/** The trigger updates the sums from the change alone. */
export const triggerCounter = () =>
  withTrigger(async (ctx, { key, oldDoc, newDoc }) => {
    const row = await findSums(ctx, { key });
    const { count, sum } = row ?? { count: 0, sum: 0 };
    await store(
      ctx,
      { key },
      {
        count: count + (newDoc ? 1 : 0) - (oldDoc ? 1 : 0),
        sum: sum + (newDoc?.amount ?? 0) - (oldDoc?.amount ?? 0),
      },
      row,
    );
  });

/** A cron computes the sums of every key. */
export const cron = () => ({
  ...writing(mutation),
  read: query({ args: keyArgs, handler: readSums }),
  recompute: internalMutation({
    args: keyArgs,
    handler: async (ctx, key) => await store(ctx, key, await sumUp(ctx, key)),
  }),
  /** Schedules a recompute for each key: all of them together exceed a transaction's limits. */
  every: internalMutation({
    args: {},
    handler: async (ctx) => {
      const rows = await ctx.db.query("sums").collect();
      for (const { key } of rows) await ctx.scheduler.runAfter(0, "app:recompute" as never, { key } as never);
    },
  }),
  prepare: preparing,
});

/** A trigger marks the sums as stale; a client that sees the mark calls a mutation that computes them. */
export const roundTrip = () => ({
  ...withTrigger(async (ctx, { key }) => {
    const row = await findSums(ctx, { key });
    if (row !== null && !row.isStale) await ctx.db.patch("sums", row._id, { isStale: true });
  }),
  read: query({
    args: keyArgs,
    handler: async (ctx, key) => {
      const row = await findSums(ctx, key);
      return row && { count: row.count, sum: row.sum, isStale: row.isStale ?? false };
    },
  }),
  refresh: mutation({
    args: keyArgs,
    handler: async (ctx, key) => {
      const row = await findSums(ctx, key);
      if (row?.isStale) await store(ctx, key, await sumUp(ctx, key), row);
    },
  }),
});

/** Sums up the items loaded at the start page by page: a key may have more than one transaction may read. */
const preparing = internalMutation({
  args: { ...keyArgs, ...soFar },
  handler: async (ctx, { key, cursor = null, count = 0, sum = 0 }) => {
    const { page, isDone, continueCursor } = await pageOf(ctx, { key }, cursor);
    const totals = {
      count: count + page.length,
      sum: page.reduce((total, { amount }) => total + amount, sum),
    };
    if (isDone) await store(ctx, { key }, totals);
    else await prepareOn(ctx, { key, cursor: continueCursor, ...totals });
  },
});

type ItemChange = Change<DataModel, "items"> & Key;

function withTrigger(onChange: (ctx: MutationCtx, change: ItemChange) => Promise<void>) {
  const triggers = new Triggers<DataModel>();
  triggers.register("items", async (ctx, change) => {
    const { key } = (change.newDoc ?? change.oldDoc) as Key;
    // `innerDb`: the trigger's own writes set off no triggers.
    await onChange({ ...ctx, db: ctx.innerDb }, { ...change, key });
  });
  return {
    ...writing(customMutation(mutation, customCtx(triggers.wrapDB)) as never),
    read: query({ args: keyArgs, handler: readSums }),
    prepare: preparing,
  };
}

async function findSums(ctx: QueryCtx, { key }: Key) {
  return await ctx.db
    .query("sums")
    .withIndex("by_key", (q) => q.eq("key", key))
    .unique();
}

async function readSums(ctx: QueryCtx, key: Key): Promise<Totals | null> {
  const row = await findSums(ctx, key);
  return row && { count: row.count, sum: row.sum };
}

async function store(
  ctx: MutationCtx,
  { key }: Key,
  totals: Totals,
  known?: Awaited<ReturnType<typeof findSums>>,
): Promise<void> {
  const row = known === undefined ? await findSums(ctx, { key }) : known;
  if (row === null) await ctx.db.insert("sums", { key, ...totals });
  else await ctx.db.patch("sums", row._id, { ...totals, isStale: undefined });
}
