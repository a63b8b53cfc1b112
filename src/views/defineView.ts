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
/** What the readers of a view get when there is no value to serve. */
type Absent<M extends Mode, Missing, Value> = M extends QueryMode ? (Missing extends "compute" ? Value : null) : null;

/** What a view of the mode `paged` has in place of `compute`. */
const PAGED = ["page", "initial", "reduce", "finish"];
const OPTIONS = [
  ...["table", "compute", "mode", "sources", "staleWhen", "expiredWhen", "applyChange", "tags", "lease", "maxParallel"],
  ...["evictAfter", "version", "compatible", "window", "onMissing", "timeout", ...PAGED],
];
/** Convex allows 64 characters; names such as `lazyTags` are the library's. */
const TABLE_NAME = /^(?!lazy[A-Z])[a-zA-Z]\w{0,63}$/;

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
  Absent<M, Missing, ShapeType<V>>
> {
  const { table, version = 1, compatible = [], mode = "transaction" } = options;
  const mayCompute = QUERY_MODES.includes(mode);
  const { onMissing = mayCompute ? "compute" : "null" } = options;
  const { maxParallel, staleWhen = invalidated(), expiredWhen, tags, applyChange } = options;
  const sources = { ...options.sources } as ViewDefinition["sources"];
  // Some options are of some modes only.
  const given = options as unknown as Record<string, unknown>;
  const what = `view "${name}"`;
  const check = (isRight: boolean, option: string, value: unknown, remedy: string) => {
    if (!isRight) throw wrongValue(`${what}: ${option}`, value, remedy);
  };
  const checkFunction = (option: string, value: unknown) =>
    check(typeof value === "function", option, value, "give a function");
  const checkCount = (option: string, value: unknown) =>
    check(Number.isInteger(value) && Number(value) > 0, option, value, "give a whole number from 1");
  const msOf = (option: string) =>
    given[option] === undefined ? undefined : toMs(given[option] as Duration, `${what}: ${option}`);

  const isTableName = typeof name === "string" && TABLE_NAME.test(name);
  const nameOf = "give the name of its table in the schema: a letter, then letters, digits or _, and not lazy…";
  check(isTableName, "the name", name, nameOf);
  checkOptions(what, options, OPTIONS);
  check(typeof table?.shape === "object", "table", table, "make it with viewTable()");
  checkCount("version", version);
  check(!compatible.includes(version), "compatible", compatible, "leave out the view's own version");
  check(MODES.includes(mode), "mode", mode, `give ${MODES.join(", ")}`);
  const isComputed = onMissing === "compute" && mayCompute;
  const remedy = `give "null", or "compute" in the mode ${QUERY_MODES.join(" or ")}`;
  check(isComputed || onMissing === "null", "onMissing", onMissing, remedy);
  checkPredicate(`${what}: staleWhen`, staleWhen);
  if (expiredWhen !== undefined) checkPredicate(`${what}: expiredWhen`, expiredWhen);
  if (maxParallel !== undefined) checkCount("maxParallel", maxParallel);
  for (const part of mode === "paged" ? PAGED : ["compute"]) checkFunction(part, given[part]);
  if (tags !== undefined) checkFunction("tags", tags);
  for (const [source, toKeys] of Object.entries(sources)) checkFunction(`sources.${source}`, toKeys);
  if (applyChange !== undefined) {
    checkFunction("applyChange", applyChange);
    check(Object.keys(sources).length > 0, "sources", options.sources, "applyChange needs them");
  }
  const evictAfterMs = msOf("evictAfter");
  if (evictAfterMs !== undefined && evictAfterMs < MIN_EVICTION_MS) {
    throw new Error(`${what}: evictAfter is ${evictAfterMs} ms; give at least a minute.`);
  }
  const checkValue = toCheck(table.shape.value, `${what}: value`);
  return new View({
    name,
    version,
    compatible,
    windowMs: msOf("window") ?? DEFAULT_WINDOW_MS,
    mode,
    timeoutMs: msOf("timeout") ?? DEFAULT_TIMEOUT_MS,
    onMissing,
    leaseMs: msOf("lease"),
    maxParallel,
    evictAfterMs,
    sources,
    applyChange,
    staleWhen: expiredWhen === undefined ? staleWhen : anyOf(asExpired(expiredWhen), staleWhen),
    unjudged: expiredWhen === undefined ? "stale" : "expired",
    tags,
    compute: given.compute as ViewDefinition["compute"],
    paged: mode === "paged" ? (options as unknown as PagedComputing) : undefined,
    checkKey: toCheck(table.shape.key, `${what}: key`),
    checkValue: (value) => {
      const checked = checkValue(value ?? null) ?? null;
      canonicalText(checked, `${what}: value`); // The shape may let more through than Convex can store.
      return checked;
    },
  });
}
