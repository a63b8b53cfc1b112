import { defineTable, type TableDefinition } from "convex/server";
import type { GenericId } from "convex/values";
import {
  type VAny,
  type VFloat64,
  type VInt64,
  type VLiteral,
  type VObject,
  type VString,
  v,
} from "convex/values";
import type { Shape, ShapePaths, ShapeType } from "./shape.js";

/** What a row says of the run that is under way. */
export type Refreshing = {
  /** Names the run: the snapshot that it began at. */
  token: bigint;
  /** The mark that the run took away, in ms since 1970. */
  dirtyAt?: number;
  watchdog: GenericId<"_scheduled_functions">;
};

/** The stored document of a view: one row. Readers read it and nothing else. */
export interface Row<Key = unknown, Value = unknown> {
  /** The canonical text of the key object. */
  key: string;
  args: Key;
  value: Value;
  /** How often the row was committed. */
  seq: number;
  /** The view's version that computed the value. */
  version: number;
  /** The snapshot that the value was computed from, in nanoseconds since 1970. */
  asOf: bigint;
  /** When it was committed, in ms since 1970. */
  computedAt: number;
  /** When it was last marked because a source changed since, in ms since 1970. */
  dirtyAt?: number;
  /** When it was marked first, if it was marked again since, in ms since 1970. */
  dirtySince?: number;
  /** What the probes of `changed` said at the commit. */
  probes?: string[];
  /** When it reaches the next age that its view asks about, and is swept, in ms since 1970. */
  expiresAt?: number;
  /** The greatest of those ages that it has reached, in ms. */
  aged?: number;
  /** When a recompute last began or was committed that a reader had asked for, in ms since 1970. */
  askedAt?: number;
  /** Until then, writes that make it stale have it recomputed, in ms since 1970. */
  leaseUntil?: number;
  /** A write has scheduled the recompute: readers need not ask. */
  pending?: true;
  /** The run that recomputes it outside of one transaction, while it lasts. With `seq` 0 there is no value yet. */
  refreshing?: Refreshing;
}

type RowFields<K, V> = {
  key: VString;
  args: VAny<ShapeType<K>, "required", ShapePaths<K>>;
  value: VAny<ShapeType<V>, "required", ShapePaths<V>>;
  seq: VFloat64;
  version: VFloat64;
  asOf: VInt64;
  computedAt: VFloat64;
  dirtyAt: VFloat64<number | undefined, "optional">;
  dirtySince: VFloat64<number | undefined, "optional">;
  probes: VAny<string[] | undefined, "optional", never>;
  expiresAt: VFloat64<number | undefined, "optional">;
  aged: VFloat64<number | undefined, "optional">;
  askedAt: VFloat64<number | undefined, "optional">;
  leaseUntil: VFloat64<number | undefined, "optional">;
  pending: VLiteral<true | undefined, "optional">;
  refreshing: VAny<Refreshing | undefined, "optional", never>;
};

/** The table of a view: a table definition for the schema, that also knows the shapes of key and value. */
export type ViewTable<K extends Shape, V extends Shape> = TableDefinition<
  VObject<Row<ShapeType<K>, ShapeType<V>>, RowFields<K, V>>,
  {
    by_key: ["key", "_creationTime"];
    by_expiry: ["expiresAt", "_creationTime"];
    by_asked: ["askedAt", "_creationTime"];
  }
> & { readonly shape: { readonly key: K; readonly value: V } };

/**
 * The table of a view, for `convex/schema.ts`.
 *
 * Key and value are typed for TypeScript, and checked by the library at every commit, but stored as `v.any()`:
 * a derived row must never block a push. Rows of another version of the view are not served under the new type.
 *
 * ```ts
 * export const airportStatsTable = viewTable({
 *   key: { airport: v.string() },
 *   value: { flights: v.number(), meanDelay: v.number() },
 * });
 * // schema.ts
 * defineSchema({ airportStats: airportStatsTable.index("by_mean_delay", ["value.meanDelay"]), ...lazyTables });
 * ```
 *
 * @param shape.key - The fields of the key: Convex validators, or a zod object.
 * @param shape.value - The value: fields of Convex validators, one validator, or a zod object.
 * @throws Error when a shape is missing.
 */
export function viewTable<K extends Shape, V extends Shape>(shape: {
  key: K;
  value: V;
}): ViewTable<K, V> {
  for (const part of ["key", "value"] as const) {
    if (typeof shape[part] !== "object" || shape[part] === null) {
      throw new Error(
        `viewTable: ${part} is ${String(shape[part])}; give Convex validators or a zod object.`,
      );
    }
  }
  const table = defineTable({
    key: v.string(),
    args: v.any(),
    value: v.any(),
    seq: v.number(),
    version: v.number(),
    asOf: v.int64(),
    computedAt: v.number(),
    dirtyAt: v.optional(v.number()),
    dirtySince: v.optional(v.number()),
    probes: v.optional(v.any()),
    expiresAt: v.optional(v.number()),
    aged: v.optional(v.number()),
    askedAt: v.optional(v.number()),
    leaseUntil: v.optional(v.number()),
    pending: v.optional(v.literal(true)),
    refreshing: v.optional(v.any()),
  })
    .index("by_key", ["key"])
    .index("by_expiry", ["expiresAt"])
    .index("by_asked", ["askedAt"]);
  return Object.assign(table, { shape }) as unknown as ViewTable<K, V>;
}
