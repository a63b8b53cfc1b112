import type { Aggregate, Bounds, Item, Key } from "@convex-dev/aggregate";
import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import type { Value } from "convex/values";
import { wrongValue } from "../values/describe.js";

/**
 * What {@link fromAggregate} measures of the selected items.
 * - `"count"`: how many there are.
 * - `"sum"`: the sum of their sum values.
 * - `"min"`, `"max"`: the least and the greatest sort key; null when there are no items.
 * - `{ percentile }`, from 0 to 100: the sort key at that percentile, exactly. Of n items, the percentile p is the one
 *   at the rank ceil(p·n/100), counted from 1; null when there are no items.
 */
export type Measure = "count" | "sum" | "min" | "max" | { percentile: number };

/** The results of the measures, by name: a number for `count` and `sum`, else a sort key or null. */
export type Measured<SortKey, Measures> = {
  [Name in keyof Measures]: Measures[Name] extends "count" | "sum" ? number : SortKey | null;
};

/**
 * The items that are measured: those of a namespace, if the aggregate has namespaces, within bounds of the sort key.
 */
export type Selection<SortKey extends Key, Id extends string, Namespace extends Value | undefined> = {
  bounds?: Bounds<SortKey, Id>;
} & (undefined extends Namespace ? { namespace?: Namespace } : { namespace: Namespace });

/** The options of {@link fromAggregate}. */
export interface FromAggregateOptions<
  SortKey extends Key,
  Id extends string,
  Namespace extends Value | undefined,
  Measures,
  ViewKey,
> {
  /** Returns which items a key of the view is about: `namespace` and `bounds`. */
  select: (key: ViewKey) => Selection<SortKey, Id, Namespace>;
  /** What is measured of these items, by name. */
  measures: Measures;
}

/** The part of a ctx with which an aggregate reads. */
type AggregateCtx = Pick<GenericQueryCtx<GenericDataModel>, "runQuery" | "meta">;

/**
 * Makes the `compute` of a view from an aggregate of `@convex-dev/aggregate`, so that a rollup over any number of
 * documents is recomputed in a few dozen reads.
 *
 * Declare the `sources` of the view, because what a component reads cannot be tracked. Register the trigger of the
 * aggregate with your triggers on top of `lazy.mutation`: one builder then keeps the aggregate up to date and marks
 * rows.
 *
 * @example
 * ```ts
 * import { TableAggregate } from "@convex-dev/aggregate";
 * import { defineView, viewTable } from "convex-lazy-views";
 * import { fromAggregate } from "convex-lazy-views/aggregate";
 * import { v } from "convex/values";
 *
 * const delays = new TableAggregate<{
 *   Namespace: string;
 *   Key: number;
 *   DataModel: DataModel;
 *   TableName: "flights";
 * }>(components.aggregate, { namespace: (f) => f.origin, sortKey: (f) => f.delay, sumValue: (f) => f.delay });
 *
 * export const departures = defineView("departures", {
 *   table: viewTable({
 *     key: { airport: v.string() },
 *     value: { flights: v.number(), meanDelay: v.number(), p95: v.union(v.number(), v.null()) },
 *   }),
 *   sources: { flights: (flight: Doc<"flights">) => [{ airport: flight.origin }] },
 *   compute: fromAggregate(delays, {
 *     select: ({ airport }: { airport: string }) => ({ namespace: airport }),
 *     measures: { flights: "count", minutes: "sum", p95: { percentile: 95 } },
 *     value: ({ flights, minutes, p95 }) => ({ flights, meanDelay: flights && minutes / flights, p95 }),
 *   }),
 * });
 * ```
 *
 * @param aggregate - An aggregate of the app, such as a `TableAggregate`.
 * @param options - The items, their measures, and `value`: a function that makes the value of the view from the
 * measures (default: the measures as they are).
 * @returns A `compute` for `defineView`.
 * @throws Error that names the measure, when it is unknown.
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

/** Takes the measures, with at most three calls of the component. */
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
 * The offset of a ranked measure among `count` items in the order of their sort keys. It is counted from the nearer end
 * (-1 is the last item), because the aggregate reads the nodes between that end and the offset.
 */
function offset(measure: Measure, count: number): number {
  if (measure === "min") return 0;
  if (measure === "max") return -1;
  const { percentile } = measure as { percentile: number };
  // Rounded, because the error of a float would raise a whole number to the next rank.
  const rank = Math.ceil(Number(((percentile * count) / 100).toPrecision(14)));
  const fromFirst = Math.max(rank - 1, 0);
  return fromFirst < count / 2 ? fromFirst : fromFirst - count;
}
