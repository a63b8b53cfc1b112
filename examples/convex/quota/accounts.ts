import { ConvexError, v } from "convex/values";
import type { EffectCtx, RowState } from "convex-lazy-views";
import { internal } from "../_generated/api";
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { internalMutation, mutation, query } from "../lazy";
import { accountUsage, unitsUsed } from "./accountUsage";

const LISTED_ACCOUNTS = 20;

/** An account with its usage, as queries return it. */
export interface AccountState {
  account: Id<"accounts">;
  name: string;
  limit: number;
  /** The last computed sum. */
  units: number;
  /** The state of the row that holds `units`: `stale` while newer usage is missing from it. */
  unitsState: RowState;
  period: number;
  /** `over`: past its limit, and about to be locked. */
  state: "open" | "over" | "locked";
}

/** Opens an account. */
export const create = mutation({
  args: { name: v.string(), limit: v.number() },
  handler: async (ctx, { name, limit }) => {
    checkUnits("limit", limit);
    return await ctx.db.insert("accounts", { name, limit, period: 1 });
  },
});

/** Records usage. It checks no limit: the queries that show the account do, with the recomputed row. */
export const use = mutation({
  args: { account: v.id("accounts"), units: v.number() },
  handler: async (ctx, { account, units }) => {
    checkUnits("units", units);
    const { name, period, lockedAt } = await existing(ctx, account);
    if (lockedAt !== undefined) throw new ConvexError(`The account "${name}" is locked.`);
    await ctx.db.insert("usageEvents", { account, period, units });
  },
});

/** An account with its usage. When it is past its limit, this query schedules the lock. */
export const usage = query({
  args: { account: v.id("accounts") },
  handler: async (ctx, { account }): Promise<AccountState> => await look(ctx, await existing(ctx, account)),
});

/** The first accounts with their usage. */
export const list = query({
  args: {},
  handler: async (ctx): Promise<AccountState[]> => {
    const accounts = await ctx.db.query("accounts").take(LISTED_ACCOUNTS);
    return await Promise.all(accounts.map((account) => look(ctx, account)));
  },
});

async function look(
  ctx: Pick<QueryCtx, "db"> & EffectCtx,
  { _id, name, limit, period, lockedAt }: Doc<"accounts">,
): Promise<AccountState> {
  const { value, state: unitsState } = await accountUsage.read(ctx, { account: _id, period });
  const { units } = value;
  const state = lockedAt !== undefined ? "locked" : units > limit ? "over" : "open";
  if (state === "over") {
    ctx.scheduleEffect(internal.quota.accounts.lock, { account: _id, period });
  }
  return { account: _id, name, limit, units, unitsState, period, state };
}

/**
 * Locks an account that a query saw past its limit. The query may have read old data, and the effect may come late or
 * twice. So the mutation checks again in its own transaction: it ignores a period that is over, and adds up the events.
 */
export const lock = internalMutation({
  args: { account: v.id("accounts"), period: v.number() },
  handler: async (ctx, { account, period }) => {
    const found = await ctx.db.get("accounts", account);
    if (found === null || found.period !== period || found.lockedAt !== undefined) return;
    if ((await unitsUsed(ctx, { account, period })) <= found.limit) return;
    await ctx.db.patch("accounts", account, { lockedAt: Date.now() });
  },
});

/** Unlocks an account and begins its next period, so that no effect of the old one can lock it again. */
export const unlock = mutation({
  args: { account: v.id("accounts") },
  handler: async (ctx, { account }) => {
    const { period } = await existing(ctx, account);
    await ctx.db.patch("accounts", account, { period: period + 1, lockedAt: undefined });
  },
});

/** Sets the units that an account may use in a period. A locked account stays locked. */
export const setLimit = mutation({
  args: { account: v.id("accounts"), limit: v.number() },
  handler: async (ctx, { account, limit }) => {
    checkUnits("limit", limit);
    await ctx.db.patch("accounts", account, { limit });
  },
});

function checkUnits(name: string, units: number): void {
  if (Number.isFinite(units) && units > 0) return;
  throw new ConvexError(`${name} is ${units}; give a number above 0.`);
}

async function existing(ctx: Pick<QueryCtx, "db">, id: Id<"accounts">): Promise<Doc<"accounts">> {
  const account = await ctx.db.get("accounts", id);
  if (account === null) throw new ConvexError(`There is no account ${id}.`);
  return account;
}
