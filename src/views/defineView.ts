import type { GenericDataModel } from "convex/server";
import type { Mode, PagedComputing, ViewDefinition } from "../model/definition.js";
import { type Shape, type ShapeType, type StandardSchema, toCheck } from "../model/shape.js";
import { anyOf, asExpired, checkPredicate, invalidated } from "../staleness/predicates.js";
import { DEFAULT_TIMEOUT_MS, DEFAULT_WINDOW_MS, MIN_EVICTION_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { checkOptions, wrongValue } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";
import { View } from "./view.js";
import type { Needs, QueryMode, Unannotated, Unknown, ViewOptions } from "./viewOptions.js";

const QUERY_MODES: readonly Mode[] = ["transaction", "snapshot"]; // A query can compute their values by itself.
const MODES: readonly Mode[] = [...QUERY_MODES, "action", "paged"];
const PAGED = ["page", "initial", "reduce", "finish"]; // The mode `paged` has these in place of `compute`.
const FUNCTIONS = ["compute", ...PAGED, "applyChange", "tags"];
const COUNTS = ["version", "maxParallel"];
const OPTIONS = [
  ...["table", "mode", ...FUNCTIONS, ...COUNTS, "sources", "staleWhen", "expiredWhen", "compatible", "onMissing"],
  ...["window", "lease", "timeout", "evictAfter"],
];
/** Convex allows 64 characters. Names that begin with `lazy` and a capital are the library's, such as `lazyTags`. */
const TABLE_NAME = /^(?!lazy[A-Z])[a-zA-Z]\w{0,63}$/;

/**
 * Declares a materialized view: how the value of a key is computed, and when a stored value is out of date. A table and
 * `compute` are enough. By default the view is *tracked*: a change of anything that `compute` has read for a row makes
 * that row stale. Every other option is in {@link ViewOptions}.
 *
 * Register the view in `new LazyViews({ views })`. What a reader gets is in {@link View}.
 *
 * @example
 * ```ts
 * import { defineView, viewTable } from "convex-lazy-views";
 * import { v } from "convex/values";
 *
 * export const departuresTable = viewTable({
 *   key: { airport: v.string() },
 *   value: { flights: v.number(), worstDelay: v.number() },
 * });
 *
 * export const departures = defineView("departures", {
 *   table: departuresTable,
 *   compute: async (ctx: QueryCtx, { airport }) => {
 *     const flights = await ctx.db
 *       .query("flights")
 *       .withIndex("by_origin", (q) => q.eq("origin", airport))
 *       .collect();
 *     return { flights: flights.length, worstDelay: Math.max(0, ...flights.map(({ delay }) => delay)) };
 *   },
 *   window: { seconds: 30 },
 * });
 * ```
 *
 * @param name - The name of the view's table in the schema: at most 64 letters, digits and `_`, beginning with a
 * letter, and not with `lazy` and a capital.
 * @param options - The table, how the value is computed, and what deviates from the defaults.
 * @returns The view, with its methods to read it.
 * @throws Error that names the option, its value and the remedy, when an option is wrong or is unknown.
 */
export function defineView<
  Name extends string,
  K extends Shape = StandardSchema<Unknown>,
  V extends Shape = StandardSchema<Unknown>,
  DataModel extends GenericDataModel = Unannotated,
  Sources = Record<never, never>,
  Item = Unknown,
  Accumulated = Unknown,
  M extends Mode = "transaction",
  Missing extends "null" | "compute" = "compute",
>(
  name: Name,
  options: ViewOptions<K, V, DataModel, Sources, Item, Accumulated, M, Missing>,
): View<
  ShapeType<K>,
  ShapeType<V>,
  Needs<Name, ShapeType<K>, ShapeType<V>, Sources>,
  M extends QueryMode ? (Missing extends "compute" ? ShapeType<V> : null) : null
> {
  const { table, version = 1, compatible = [], mode = "transaction", applyChange } = options;
  const { staleWhen = invalidated(), expiredWhen } = options;
  const sources = (options.sources ?? {}) as ViewDefinition["sources"];
  const mayCompute = QUERY_MODES.includes(mode);
  const { onMissing = mayCompute ? "compute" : "null" } = options;
  // The types of the options differ by mode.
  const given = options as unknown as Record<string, unknown>;
  const required = mode === "paged" ? PAGED : ["compute"];
  const what = `view "${name}"`;
  const check = (isRight: boolean, option: string, remedy: string, value = given[option]) => {
    if (!isRight) throw wrongValue(`${what}: ${option}`, value, remedy);
  };
  const checkFunction = (option: string, value: unknown) =>
    check(typeof value === "function", option, "give a function", value);

  const isTableName = typeof name === "string" && TABLE_NAME.test(name);
  check(isTableName, "the name", "give its table's name: letters, digits and _, not beginning with lazy", name);
  checkOptions(what, options, OPTIONS);
  check(typeof table?.shape === "object", "table", "make it with viewTable()");
  check(MODES.includes(mode), "mode", `give ${MODES.join(", ")}`);
  for (const option of FUNCTIONS) {
    if (given[option] !== undefined || required.includes(option)) checkFunction(option, given[option]);
  }
  for (const option of COUNTS) {
    const count = given[option] === undefined ? 1 : given[option];
    check(Number.isInteger(count) && Number(count) > 0, option, "give a whole number from 1");
  }
  for (const [source, toKeys] of Object.entries(sources)) checkFunction(`sources.${source}`, toKeys);
  check(applyChange === undefined || Object.keys(sources).length > 0, "sources", "applyChange needs them");
  checkPredicate(`${what}: staleWhen`, staleWhen);
  if (expiredWhen !== undefined) checkPredicate(`${what}: expiredWhen`, expiredWhen);
  check(!compatible.includes(version), "compatible", "leave out the view's own version");
  const isComputed = onMissing === "compute" && mayCompute;
  const remedy = `give "null", or "compute" in the mode ${QUERY_MODES.join(" or ")}`;
  check(isComputed || onMissing === "null", "onMissing", remedy);
  const msOf = (option: string, leastMs?: number) =>
    given[option] === undefined ? undefined : toMs(given[option] as Duration, `${what}: ${option}`, leastMs);
  const judgement = expiredWhen === undefined ? staleWhen : anyOf(asExpired(expiredWhen), staleWhen);
  const isWatched = options.sources === undefined && judgement.asksMarks;
  const isTracked = isWatched && mode === "transaction";
  check(!isWatched || isTracked, "sources", `in the mode "${mode}", declare what is read, or {} for no table`);
  const checkValue = toCheck(table.shape.value, `${what}: value`);
  return new View({
    ...(options as unknown as Pick<ViewDefinition, "applyChange" | "compute" | "maxParallel" | "tags">),
    name,
    version,
    compatible,
    windowMs: msOf("window") ?? DEFAULT_WINDOW_MS,
    mode,
    timeoutMs: msOf("timeout") ?? DEFAULT_TIMEOUT_MS,
    onMissing,
    leaseMs: msOf("lease"),
    evictAfterMs: msOf("evictAfter", MIN_EVICTION_MS),
    sources,
    isTracked,
    staleWhen: judgement,
    unjudged: expiredWhen === undefined ? "stale" : "expired",
    paged: mode === "paged" ? (options as unknown as PagedComputing) : undefined,
    checkKey: toCheck(table.shape.key, `${what}: key`),
    checkValue: (value) => {
      const checked = checkValue(value ?? null) ?? null;
      canonicalText(checked, `${what}: value`); // Throws for what the shape allows and Convex cannot store.
      return checked;
    },
  });
}
