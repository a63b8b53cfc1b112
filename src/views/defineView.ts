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

const QUERY_MODES: readonly Mode[] = ["transaction", "snapshot"]; // Modes whose values a query can compute by itself.
const MODES: readonly Mode[] = [...QUERY_MODES, "action", "paged"];
const PAGED = ["page", "initial", "reduce", "finish"]; // What a view of the mode `paged` has in place of `compute`.
const FUNCTIONS = ["compute", ...PAGED, "applyChange", "tags"];
const COUNTS = ["version", "maxParallel"];
const OPTIONS = [
  ...["table", "mode", ...FUNCTIONS, ...COUNTS, "sources", "staleWhen", "expiredWhen", "compatible", "onMissing"],
  ...["window", "lease", "timeout", "evictAfter"],
];
/** Convex allows 64 characters; names such as `lazyTags` are the library's. */
const TABLE_NAME = /^(?!lazy[A-Z])[a-zA-Z]\w{0,63}$/;

/**
 * Declares a materialized view: how its values are computed, and when they are out of date. By default, a row is out of
 * date when what its `compute` has read changes; see `sources`.
 *
 * ```ts
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute: async (ctx: QueryCtx, { airport }) => {
 *     const flights = await ctx.db.query("flights").withIndex("by_origin", (q) => q.eq("origin", airport)).collect();
 *     const delay = flights.reduce((sum, flight) => sum + flight.delay, 0);
 *     return { flights: flights.length, meanDelay: flights.length && delay / flights.length };
 *   },
 * });
 * ```
 *
 * @param name - The name of its table in the schema.
 * @throws Error naming the option that is wrong, with its value.
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
  // Some options are of some modes only.
  const given = options as unknown as Record<string, unknown>;
  const required = mode === "paged" ? PAGED : ["compute"];
  const what = `view "${name}"`;
  const check = (isRight: boolean, option: string, remedy: string, value = given[option]) => {
    if (!isRight) throw wrongValue(`${what}: ${option}`, value, remedy);
  };
  const checkFunction = (option: string, value: unknown) =>
    check(typeof value === "function", option, "give a function", value);

  const isTableName = typeof name === "string" && TABLE_NAME.test(name);
  check(isTableName, "the name", "give its table's name: letters, digits and _, and not lazy…", name);
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
  check(!isWatched || isTracked, "sources", `list what is read in the mode "${mode}"; give {} for no table`);
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
      canonicalText(checked, `${what}: value`); // The shape may let more through than Convex can store.
      return checked;
    },
  });
}
