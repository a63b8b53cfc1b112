import { ActionCache } from "@convex-dev/action-cache";
import { TableAggregate } from "@convex-dev/aggregate";
import { componentsGeneric, makeFunctionReference } from "convex/server";
import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { type Trigger, Triggers } from "convex-helpers/server/triggers";
import {
  action,
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

/* Components that serve the same value, used as their own documentation says. */

const components = componentsGeneric();

type SumsOf = TableAggregate<{
  Namespace: string;
  Key: null;
  DataModel: DataModel;
  TableName: "items";
}>;

const sums: SumsOf = new TableAggregate(components.aggregate as never, {
  namespace: ({ key }) => key,
  sortKey: () => null,
  sumValue: ({ amount }) => amount,
});

/** Written in the same transaction. */
export const aggregate = () => withAggregate(sums.trigger() as never, false);

/** Written by a worker, later: writers do not conflict. */
export const aggregateQueued = () => withAggregate(sums.trigger({ async: true }) as never, true);

function withAggregate(trigger: Trigger<MutationCtx, DataModel, "items">, isQueued: boolean) {
  const triggers = new Triggers<DataModel>();
  triggers.register("items", trigger);
  return {
    ...writing(customMutation(mutation, customCtx(triggers.wrapDB)) as never),
    read: query({
      args: keyArgs,
      handler: async (ctx: QueryCtx, { key }): Promise<Totals> => ({
        count: await sums.count(ctx, { namespace: key, stale: isQueued } as never),
        sum: await sums.sum(ctx, { namespace: key, stale: isQueued } as never),
      }),
    }),
    prepare: internalMutation({
      args: { ...keyArgs, ...soFar },
      handler: async (ctx: MutationCtx, { key, cursor = null }) => {
        const { page, isDone, continueCursor } = await pageOf(ctx, { key }, cursor);
        for (const item of page) await sums.insert(ctx, item, { async: isQueued });
        if (!isDone) await prepareOn(ctx, { key, cursor: continueCursor });
      },
    }),
  };
}

const TTL_MS = 10_000;

const cache = new ActionCache(components.actionCache as never, {
  action: makeFunctionReference<"action", Key, Totals>("app:compute"),
  name: "totals",
  ttl: TTL_MS,
});

/** An action's result is kept for a fixed time, whatever is written meanwhile. */
export const actionCache = () => ({
  ...writing(mutation),
  sums: query({ args: keyArgs, handler: sumUp }),
  compute: action({
    args: keyArgs,
    handler: async (ctx, key): Promise<Totals> =>
      await ctx.runQuery(makeFunctionReference<"query", Key, Totals>("app:sums"), key),
  }),
  readInAction: action({ args: keyArgs, handler: async (ctx, key) => await cache.fetch(ctx, key) }),
});
