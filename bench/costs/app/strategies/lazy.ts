import { httpRouter, type PaginationOptions } from "convex/server";
import { changed, defineView, LazyViews, olderThan, type View } from "convex-lazy-views";
import type { Deployed } from "../../../../tests/simulation/engine/isolate.js";
import { type Key, keyArgs, mutation, newestOf, type QueryCtx, query, sumUp, type Totals, writing } from "../items";
import { type DataModel, totalsTable } from "../schema";

type Item = { key: string; amount: number };

/** The lease of the forms that have one. */
export const LEASE = { minutes: 10 };

/** The window of the form that waits for more changes. */
const PATIENCE = { minutes: 5 };

/** `evictAfter` of the form that has an idle clock. */
export const EVICT_AFTER_MS = 3_600_000;

/** The tag that all rows have, in the form that has tags. */
const TAG = "all";

/** The key of the items that all rows depend on, in the form `lazyShared`. */
export const SHARED_KEY = "shared";

const sources = { items: ({ key }: Item): Key[] => [{ key }] };

/** The view of the documentation's first page, except that reads of a key without a row do not compute. */
const tracked = { table: totalsTable, onMissing: "null" as const, compute: sumUp };

/** The same, with its sources declared. */
const defaults = { ...tracked, sources };

/** A tracked view whose rows all depend on one more document. */
const shared = {
  ...tracked,
  compute: async (ctx: QueryCtx, { key }: Key) => {
    const { sum } = await sumUp(ctx, { key: SHARED_KEY });
    const { count } = await sumUp(ctx, { key });
    return { count, sum };
  },
};

/** Without sources: writes do not touch the view, and each read checks the key's newest item. */
const probed = {
  table: totalsTable,
  staleWhen: changed(async (ctx: QueryCtx, key: Key) => (await newestOf(ctx, key))?.updatedAt ?? null),
  onMissing: "null" as const,
  compute: sumUp,
};

/** For keys with more items than one transaction may read. */
const paged = {
  table: totalsTable,
  sources,
  mode: "paged" as const,
  page: async (ctx: QueryCtx, { key }: Key, paginationOpts: PaginationOptions) =>
    await ctx.db
      .query("items")
      .withIndex("by_key", (q) => q.eq("key", key))
      .paginate(paginationOpts),
  initial: () => ({ count: 0, sum: 0 }),
  reduce: ({ count, sum }: Totals, { amount }: Item) => ({ count: count + 1, sum: sum + amount }),
  finish: (totals: Totals) => totals,
};

/** Updates the totals with one change, as a counter does. */
const applyChange = ({ count, sum }: Totals, { before, after }: Record<"before" | "after", Item | null>): Totals => ({
  count: count + (after ? 1 : 0) - (before ? 1 : 0),
  sum: sum + (after?.amount ?? 0) - (before?.amount ?? 0),
});

/** The forms of the view, each for another kind of use. */
const FORMS = {
  lazy: () => defineView("totals", defaults),
  lazyTracked: () => defineView("totals", tracked),
  lazyPatient: () => defineView("totals", { ...tracked, window: PATIENCE }),
  lazyShared: () => defineView("totals", shared),
  lazySnapshot: () => defineView("totals", { ...defaults, mode: "snapshot" as const }),
  lazyLeased: () => defineView("totals", { ...defaults, lease: LEASE }),
  lazyLeasedSnapshot: () => defineView("totals", { ...defaults, mode: "snapshot" as const, lease: LEASE }),
  lazyApplied: () => defineView("totals", { ...defaults, applyChange }),
  lazyProbed: () => defineView("totals", probed),
  lazyProbedSnapshot: () => defineView("totals", { ...probed, mode: "snapshot" as const }),
  lazyAged: () =>
    defineView("totals", {
      table: totalsTable,
      staleWhen: olderThan({ seconds: 10 }),
      onMissing: "null",
      compute: sumUp,
    }),
  lazyEvicting: () => defineView("totals", { ...defaults, evictAfter: { milliseconds: EVICT_AFTER_MS } }),
  lazyComputed: () => defineView("totals", { ...defaults, onMissing: "compute" as const }),
  lazyTagged: () => defineView("totals", { ...defaults, sources: {}, tags: () => [TAG] }),
  lazyPaged: () => defineView("totals", paged),
  lazyPagedApplied: () => defineView("totals", { ...paged, applyChange }),
} satisfies Record<string, () => View<Key, Totals, unknown>>;

export type LazyForm = keyof typeof FORMS;

/** The app with a lazy view in one of its forms. */
export function lazyView(form: LazyForm): Deployed {
  const totals = FORMS[form]() as unknown as View<Key, Totals>;
  const lazy = new LazyViews<DataModel>({ module: "lazy", views: { totals } });
  const http = httpRouter();
  lazy.registerRoutes(http);
  const app = {
    ...writing(lazy.mutation(mutation) as never),
    invalidateAll: lazy.mutation(mutation)({
      args: {},
      handler: async (ctx) => await lazy.invalidateTag(ctx, TAG),
    }),
    read: lazy.query(query)({
      args: keyArgs,
      handler: async (ctx, key) => await totals.get(ctx, key),
    }),
  };
  const named = (module: string, exports: object) =>
    Object.entries(exports).map(([name, registered]) => [`${module}:${name}`, registered]);
  const functions = [...named("app", app), ...named("lazy", lazy.functions())];
  return { functions: Object.fromEntries(functions), http };
}
