import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import { describe } from "../effects/canonical.js";
import { type Duration, toMs } from "../effects/duration.js";
import { DEFAULT_WINDOW_MS } from "../effects/effect.js";
import type { Staleness } from "../staleness/predicate.js";
import { invalidated } from "../staleness/predicates.js";
import type { ViewDefinition } from "./definition.js";
import { type Shape, type ShapeType, toCheck } from "./shape.js";
import { View } from "./view.js";
import type { ViewTable } from "./viewTable.js";

/** What `defineView` takes. */
export interface ViewOptions<
  K extends Shape,
  V extends Shape,
  DataModel extends GenericDataModel,
  Sources,
> {
  /** The view's table, made by `viewTable`. */
  table: ViewTable<K, V>;
  /** Bump it when `compute` or the value changes: rows of older versions are not served any more. Default: 1. */
  version?: number;
  /** Older versions whose rows may still be served until they are recomputed. Default: none. */
  compatible?: readonly number[];
  /**
   * Source table → document → the keys that depend on it. Applied to the old and the new document of a change.
   * Annotate the parameter: `(flight: Doc<"flights">) => [{ airport: flight.origin }]`.
   */
  sources?: Sources & Record<keyof Sources, (doc: never) => ShapeType<NoInfer<K>>[]>;
  /** When a row is out of date. Default: `invalidated()`. */
  staleWhen?: Staleness<ShapeType<NoInfer<K>>, ShapeType<NoInfer<V>>>;
  /** At most one recompute of a key starts in this time. Default: 10 seconds. */
  window?: Duration;
  /** What a reader gets when there is no value: null, or what `compute` says in the query itself. Default: "null". */
  onMissing?: "null" | "compute";
  /** Computes the value of a key. It may only read, and must depend on nothing but the key and what it reads. */
  compute: (
    ctx: GenericQueryCtx<DataModel>,
    key: ShapeType<NoInfer<K>>,
  ) => ShapeType<NoInfer<V>> | Promise<ShapeType<NoInfer<V>>>;
}

/** The sources in the option `sources`, each apart. */
export type SourceIn<Sources> = {
  [Table in keyof Sources]: { table: Table; toKeys: Sources[Table] };
}[keyof Sources];

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
>(
  name: string,
  options: ViewOptions<K, V, DataModel, Sources>,
): View<ShapeType<K>, ShapeType<V>, SourceIn<Sources>> {
  const { table, version = 1, compatible = [], window, onMissing = "null" } = options;
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
  if (onMissing !== "null" && onMissing !== "compute") {
    throw wrong("onMissing", onMissing, 'give "null" or "compute"');
  }
  if (typeof options.compute !== "function") {
    throw wrong("compute", options.compute, "give a function of ctx and key");
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
  return new View({
    name,
    version,
    compatible,
    windowMs: window === undefined ? DEFAULT_WINDOW_MS : toMs(window, `view "${name}": window`),
    onMissing,
    sources,
    staleWhen: options.staleWhen ?? invalidated(),
    compute: options.compute as unknown as ViewDefinition["compute"],
    checkKey: toCheck(table.shape.key, `view "${name}": key`),
    checkValue: toCheck(table.shape.value, `view "${name}": value`),
  });
}
