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

/** Modes whose values a query can compute by itself. */
const QUERY_MODES: readonly Mode[] = ["transaction", "snapshot"];
const MODES: readonly Mode[] = [...QUERY_MODES, "action", "paged"];
/** What a view of the mode `paged` has in place of `compute`. */
const PAGED = ["page", "initial", "reduce", "finish"];
/** Convex allows 64 characters; names such as `lazyTags` are the library's. */
const TABLE_NAME = /^(?!lazy[A-Z])[a-zA-Z]\w{0,63}$/;

/** @throws Error that says what a value is, and what to do about it, when it is not right. */
function check(isRight: boolean, what: string, value: unknown, remedy: string): void {
  if (!isRight) throw wrongValue(what, value, remedy);
}

const checkFunction = (what: string, value: unknown) =>
  check(typeof value === "function", what, value, "give a function");
const checkCount = (what: string, value: unknown) =>
  check(Number.isInteger(value) && Number(value) > 0, what, value, "give a whole number from 1");
/** Of options whose check needs others, or is a part of what reads them. */
const checkLater = () => {};

/** What each option must be, where it is given. */
const OPTIONS: Record<string, (what: string, value: unknown) => void> = {
  table: (what, table) =>
    check(typeof (table as { shape?: unknown } | null)?.shape === "object", what, table, "make it with viewTable()"),
  mode: (what, mode) => check(MODES.includes(mode as Mode), what, mode, `give ${MODES.join(", ")}`),
  compute: checkFunction,
  page: checkFunction,
  initial: checkFunction,
  reduce: checkFunction,
  finish: checkFunction,
  sources: (what, sources) => {
    for (const [source, toKeys] of Object.entries(sources as object)) checkFunction(`${what}.${source}`, toKeys);
  },
  staleWhen: checkPredicate,
  expiredWhen: checkPredicate,
  applyChange: checkFunction,
  tags: checkFunction,
  maxParallel: checkCount,
  version: checkCount,
  compatible: checkLater,
  onMissing: checkLater,
  window: checkLater,
  lease: checkLater,
  timeout: checkLater,
  evictAfter: checkLater,
};

/**
 * Declares a materialized view: how its values are computed, and when they are out of date.
 *
 * ```ts
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   sources: { flights: (f: Doc<"flights">) => [{ airport: f.origin }, { airport: f.destination }] },
 *   window: { seconds: 30 },
 *   compute: async (ctx: QueryCtx, { airport }) => { … },
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
  const what = `view "${name}"`;
  const isTableName = typeof name === "string" && TABLE_NAME.test(name);
  check(isTableName, `${what}: the name`, name, "give its table's name: letters, digits and _, and not lazy…");
  checkOptions(what, options, Object.keys(OPTIONS));

  const { table, version = 1, compatible = [], mode = "transaction" } = options;
  const { staleWhen = invalidated(), expiredWhen } = options;
  const sources = (options.sources ?? {}) as ViewDefinition["sources"];
  const mayCompute = QUERY_MODES.includes(mode);
  const { onMissing = mayCompute ? "compute" : "null" } = options;
  // Some options are of some modes only.
  const given = options as unknown as Record<string, unknown>;
  const required = ["table", ...(mode === "paged" ? PAGED : ["compute"])];
  for (const [option, checkOption] of Object.entries(OPTIONS)) {
    const value = given[option];
    if (value !== undefined || required.includes(option)) checkOption(`${what}: ${option}`, value);
  }
  check(!compatible.includes(version), `${what}: compatible`, compatible, "leave out the view's own version");
  check(
    onMissing === "null" || (onMissing === "compute" && mayCompute),
    `${what}: onMissing`,
    onMissing,
    `give "null", or "compute" in the mode ${QUERY_MODES.join(" or ")}`,
  );
  const isApplied = options.applyChange === undefined || Object.keys(sources).length > 0;
  check(isApplied, `${what}: sources`, options.sources, "applyChange needs them");
  const msOf = (option: string, leastMs?: number) =>
    given[option] === undefined ? undefined : toMs(given[option] as Duration, `${what}: ${option}`, leastMs);
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
    staleWhen: expiredWhen === undefined ? staleWhen : anyOf(asExpired(expiredWhen), staleWhen),
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
