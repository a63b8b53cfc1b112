import type { GenericDataModel } from "convex/server";
import type { Mode, PagedComputing, ViewDefinition } from "../model/definition.js";
import { type Check, type Shape, type ShapeType, toCheck } from "../model/shape.js";
import { anyOf, asExpired, invalidated } from "../staleness/predicates.js";
import { DEFAULT_TIMEOUT_MS, DEFAULT_WINDOW_MS, MIN_EVICTION_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { describe } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";
import { View } from "./view.js";
import type { SourceIn, ViewOptions } from "./viewOptions.js";

const MODES: readonly Mode[] = ["transaction", "snapshot", "action", "paged"];
/** Modes whose values a query can compute by itself. */
const QUERY_MODES: readonly Mode[] = ["transaction", "snapshot"];
/** What a view of the mode `paged` has in place of `compute`. */
const PAGED = ["page", "initial", "reduce", "finish"] as const;

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
  K extends Shape,
  V extends Shape,
  DataModel extends GenericDataModel = GenericDataModel,
  Sources = Record<never, never>,
  Item = never,
  Accumulated = never,
>(
  name: string,
  options: ViewOptions<K, V, DataModel, Sources, Item, Accumulated>,
): View<ShapeType<K>, ShapeType<V>, SourceIn<Sources>> {
  const { table, version = 1, compatible = [], window } = options;
  const { mode = "transaction", onMissing = "null" } = options;
  const { staleWhen = invalidated(), expiredWhen, lease, evictAfter, maxParallel } = options;
  const wrong = (option: string, value: unknown, remedy: string) =>
    new Error(`view "${name}": ${option} is ${describe(value)}; ${remedy}.`);

  if (typeof name !== "string" || !/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)) {
    throw wrong("the name", name, "give the name of its table in the schema");
  }
  if (typeof table?.shape !== "object") throw wrong("table", table, "make it with viewTable()");
  if (!Number.isInteger(version) || version < 1) {
    throw wrong("version", version, "give a whole number from 1");
  }
  if (compatible.includes(version)) {
    throw wrong("compatible", compatible, `leave out ${version}, which is the view's own version`);
  }
  if (!MODES.includes(mode)) throw wrong("mode", mode, `give ${MODES.join(", ")}`);
  const isComputable = QUERY_MODES.includes(mode);
  if (onMissing !== "null" && (onMissing !== "compute" || !isComputable)) {
    const remedy = isComputable
      ? 'give "null" or "compute"'
      : `give "null": a query cannot compute what the mode "${mode}" does`;
    throw wrong("onMissing", onMissing, remedy);
  }
  const { timeout = { milliseconds: DEFAULT_TIMEOUT_MS } } = options as { timeout?: Duration };
  if (maxParallel !== undefined && !(Number.isInteger(maxParallel) && maxParallel > 0)) {
    throw wrong("maxParallel", maxParallel, "give a whole number from 1");
  }
  if (options.tags !== undefined && typeof options.tags !== "function") {
    throw wrong("tags", options.tags, "give a function from a key to an array of strings");
  }
  const functions = options as Partial<Record<"compute" | (typeof PAGED)[number], unknown>>;
  for (const part of mode === "paged" ? PAGED : (["compute"] as const)) {
    if (typeof functions[part] !== "function") {
      const remedy = part === "compute" ? "give a function of ctx and key" : "give a function";
      throw wrong(part, functions[part], remedy);
    }
  }
  const sources = { ...options.sources } as ViewDefinition["sources"];
  for (const [source, toKeys] of Object.entries(sources)) {
    if (source === name) {
      throw wrong(`sources.${source}`, toKeys, "a view cannot be its own source");
    }
    if (typeof toKeys !== "function") {
      throw wrong(`sources.${source}`, toKeys, "give a function from a document to keys");
    }
  }
  const { applyChange } = options;
  if (applyChange !== undefined) {
    if (typeof applyChange !== "function") {
      throw wrong("applyChange", applyChange, "give a function of value, change and key");
    }
    if (Object.keys(sources).length === 0) {
      throw wrong("sources", options.sources, "applyChange needs the sources whose changes it applies");
    }
  }
  return new View({
    name,
    version,
    compatible,
    windowMs: window === undefined ? DEFAULT_WINDOW_MS : toMs(window, `view "${name}": window`),
    mode,
    timeoutMs: toMs(timeout, `view "${name}": timeout`),
    onMissing,
    ...(lease === undefined ? {} : { leaseMs: toMs(lease, `view "${name}": lease`) }),
    ...(maxParallel === undefined ? {} : { maxParallel }),
    ...(evictAfter === undefined ? {} : { evictAfterMs: evictionMs(name, evictAfter) }),
    sources,
    ...(applyChange === undefined ? {} : { applyChange }),
    staleWhen: expiredWhen === undefined ? staleWhen : anyOf(asExpired(expiredWhen), staleWhen),
    unjudged: expiredWhen === undefined ? "stale" : "expired",
    ...(options.tags === undefined ? {} : { tags: options.tags }),
    compute: functions.compute as ViewDefinition["compute"],
    ...(mode === "paged" ? { paged: functions as unknown as PagedComputing } : {}),
    checkKey: toCheck(table.shape.key, `view "${name}": key`),
    checkValue: checkConvexValue(table.shape.value, `view "${name}": value`),
  });
}

/** Checks a value against its shape, which may let more through than Convex can store. */
function checkConvexValue(shape: Shape, what: string): Check {
  const check = toCheck(shape, what);
  return (value) => {
    const checked = check(value);
    canonicalText(checked, what);
    return checked;
  };
}

function evictionMs(name: string, evictAfter: Duration): number {
  const ms = toMs(evictAfter, `view "${name}": evictAfter`);
  if (ms >= MIN_EVICTION_MS) return ms;
  throw new Error(`view "${name}": evictAfter is ${ms} ms; give at least a minute.`);
}
