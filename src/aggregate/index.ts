import type { Aggregate, Bounds, Item, Key } from "@convex-dev/aggregate";
import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import type { Value } from "convex/values";
import { wrongValue } from "../values/describe.js";

/**
 * What is measured of the selected items.
 * - `count`: how many there are. `sum`: the sum of their sum values.
 * - `min`, `max`: the least and the greatest sort key; null when there are no items.
 * - `{ percentile }`: the sort key at that rank, from 0 to 100, by the nearest-rank method; null without items.
 */
export type Measure = "count" | "sum" | "min" | "max" | { percentile: number };

/** The results of measures, under their names: numbers, and sort keys or null. */
export type Measured<SortKey, Measures> = {
  [Name in keyof Measures]: Measures[Name] extends "count" | "sum" ? number : SortKey | null;
};

/** The items that are measured: all, or those of a namespace, within bounds of the sort key. */
export type Selection<SortKey extends Key, Id extends string, Namespace extends Value | undefined> = {
  bounds?: Bounds<SortKey, Id>;
} & (undefined extends Namespace ? { namespace?: Namespace } : { namespace: Namespace });

/** What `fromAggregate` takes. */
export interface FromAggregateOptions<
  SortKey extends Key,
  Id extends string,
  Namespace extends Value | undefined,
  Measures,
  ViewKey,
> {
  /** The items that a key of the view is about. */
  select: (key: ViewKey) => Selection<SortKey, Id, Namespace>;
  /** What is measured of them, by name. */
  measures: Measures;
}

/** The part of a ctx that an aggregate reads with. */
type AggregateCtx = Pick<GenericQueryCtx<GenericDataModel>, "runQuery" | "meta">;

/**
 * Makes a view's `compute` of an `@convex-dev/aggregate`, so that a rollup over any number of documents is
 * recomputed in a few dozen reads.
 *
 * Declare the view's `sources`, as what a component reads cannot be tracked. Register the aggregate's trigger with your
 * triggers on top of `lazy.mutation`: one mutation wrapper then keeps the aggregate up to date and marks the rows.
 *
 * ```ts
 * export const delays = new TableAggregate<{
 *   Namespace: string; Key: number; DataModel: DataModel; TableName: "flights";
 * }>(components.aggregate, { namespace: (f) => f.origin, sortKey: (f) => f.delay, sumValue: (f) => f.delay });
 *
 * export const departures = defineView("departures", {
 *   table: departuresTable,
 *   sources: { flights: (f: Doc<"flights">) => [{ airport: f.origin }] },
 *   compute: fromAggregate(delays, {
 *     select: ({ airport }: { airport: string }) => ({ namespace: airport }),
 *     measures: { flights: "count", minutes: "sum", p95: { percentile: 95 } },
 *     value: ({ flights, minutes, p95 }) => ({ flights, meanDelay: flights && minutes / flights, p95 }),
 *   }),
 * });
 * ```
 *
 * @param options.value - Makes the view's value of the measures. Default: the measures as they are.
 * @throws Error naming the measure, when it is unknown.
 */
export function fromAggregate<
  SortKey extends Key,
  Id extends string,
  Namespace extends Value | undefined,
  const Measures extends Readonly<Record<string, Measure>>,
  ViewKey,
  Result,
>(
  aggregate: Aggregate<SortKey, Id, Namespace>,
  options: FromAggregateOptions<SortKey, Id, Namespace, Measures, ViewKey> & {
    value: (measured: Measured<SortKey, Measures>, key: ViewKey) => Result;
  },
): (ctx: AggregateCtx, key: ViewKey) => Promise<Result>;
export function fromAggregate<
  SortKey extends Key,
  Id extends string,
  Namespace extends Value | undefined,
  const Measures extends Readonly<Record<string, Measure>>,
  ViewKey,
>(
  aggregate: Aggregate<SortKey, Id, Namespace>,
  options: FromAggregateOptions<SortKey, Id, Namespace, Measures, ViewKey>,
): (ctx: AggregateCtx, key: ViewKey) => Promise<Measured<SortKey, Measures>>;
export function fromAggregate(
  aggregate: unknown,
  { select, measures, value = (measured) => measured }: AnyOptions,
): (ctx: AggregateCtx, key: never) => Promise<unknown> {
  for (const [name, measure] of Object.entries(measures)) checkMeasure(name, measure);
  return async (ctx, key) => value((await take(ctx, aggregate as AnyAggregate, select(key), measures)) as never, key);
}

/** The options, without their types. */
interface AnyOptions {
  select: (key: never) => object;
  measures: Readonly<Record<string, Measure>>;
  value?: (measured: never, key: never) => unknown;
}

function checkMeasure(name: string, measure: Measure): void {
  if (["count", "sum", "min", "max"].includes(measure as string)) return;
  const { percentile } = (measure ?? {}) as { percentile?: unknown };
  if (typeof percentile === "number" && percentile >= 0 && percentile <= 100) return;
  const given = percentile === undefined ? measure : percentile;
  const remedy = 'give "count", "sum", "min", "max", or { percentile } from 0 to 100';
  throw wrongValue(`fromAggregate: measures.${name}`, given, remedy);
}

/** An aggregate, without its types. */
interface AnyAggregate {
  count(ctx: AggregateCtx, selection: object): Promise<number>;
  sum(ctx: AggregateCtx, selection: object): Promise<number>;
  atBatch(ctx: AggregateCtx, queries: object[]): Promise<Item<Key, string>[]>;
}

/** At most three calls of the component, however many measures there are. */
async function take(
  ctx: AggregateCtx,
  aggregate: AnyAggregate,
  selection: object,
  measures: Readonly<Record<string, Measure>>,
): Promise<Record<string, unknown>> {
  const entries = Object.entries(measures);
  const ranked = entries.filter(([, measure]) => measure !== "count" && measure !== "sum");
  const isSummed = entries.some(([, measure]) => measure === "sum");
  const isCounted = entries.some(([, measure]) => measure !== "sum");
  const [count, sum] = await Promise.all([
    isCounted ? aggregate.count(ctx, selection) : 0,
    isSummed ? aggregate.sum(ctx, selection) : 0,
  ]);
  const queries = ranked.map(([, measure]) => ({ ...selection, offset: offset(measure, count) }));
  const items = count > 0 && queries.length > 0 ? await aggregate.atBatch(ctx, queries) : [];
  const keys = new Map(ranked.map(([name], i) => [name, items[i]?.key ?? null]));
  return Object.fromEntries(
    entries.map(([name, measure]) => {
      if (measure === "count") return [name, count];
      return [name, measure === "sum" ? sum : keys.get(name)];
    }),
  );
}

/**
 * The place of a ranked measure among `count` items in the order of their sort keys, counted from the nearer end
 * (-1 is the last): on its way down the aggregate reads the nodes between that end and the place.
 */
function offset(measure: Measure, count: number): number {
  if (measure === "min") return 0;
  if (measure === "max") return -1;
  const { percentile } = measure as { percentile: number };
  // Rounded, since a float's error would push a whole number up to the next rank.
  const rank = Math.ceil(Number(((percentile * count) / 100).toPrecision(14)));
  const fromFirst = Math.max(rank - 1, 0);
  return fromFirst < count / 2 ? fromFirst : fromFirst - count;
}
