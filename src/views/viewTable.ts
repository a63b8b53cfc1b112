import { defineTable, type TableDefinition } from "convex/server";
import type { VAny, VObject } from "convex/values";
import type { Shape, ShapePaths, ShapeType } from "../model/shape.js";
import { type Row, rowFields } from "../schema.js";
import { wrongValue } from "../values/describe.js";

/** The validators of the fields of a row, typed with the key and value of the app. */
type RowFields<K, V> = Pick<
  ReturnType<typeof rowFields>,
  Exclude<keyof Row, "args" | "value" | "probes" | "tracked">
> & {
  args: VAny<ShapeType<K>, "required", ShapePaths<K>>;
  value: VAny<ShapeType<V>, "required", ShapePaths<V>>;
  probes: VAny<string[] | undefined, "optional", never>;
  tracked: VAny<Row["tracked"], "optional", never>;
};

/**
 * The table of a view, made by {@link viewTable}: a table definition for the schema, with the shapes of key and value.
 */
export type ViewTable<K extends Shape, V extends Shape> = TableDefinition<
  VObject<Row<ShapeType<K>, ShapeType<V>>, RowFields<K, V>>,
  {
    by_key: ["key", "_creationTime"];
    by_expiry: ["expiresAt", "_creationTime"];
    by_asked: ["askedAt", "_creationTime"];
  }
> & { readonly shape: { readonly key: K; readonly value: V } };

/**
 * Makes the table of a view, for `convex/schema.ts` and for {@link defineView}. Add your own indexes and search indexes
 * on `key`, `args.…` and `value.…`, as on any table.
 *
 * Key and value are typed, and checked at every commit, but stored as `v.any()`: rows that are derived from your data
 * never block a push.
 *
 * @example
 * ```ts
 * import { lazyTables, viewTable } from "convex-lazy-views";
 * import { defineSchema } from "convex/server";
 * import { v } from "convex/values";
 *
 * export const airportStatsTable = viewTable({
 *   key: { airport: v.string() },
 *   value: { flights: v.number(), meanDelay: v.number() },
 * });
 *
 * export const schema = defineSchema({
 *   airportStats: airportStatsTable.index("by_mean_delay", ["value.meanDelay"]),
 *   ...lazyTables,
 * });
 * ```
 *
 * @param shape - The shapes of key and value. The key: an object of Convex validators, or a zod object. The value: the
 * same, or one Convex validator. A schema of zod, or of another library that follows Standard Schema, must be
 * synchronous.
 * @throws Error, when a shape is missing.
 */
export function viewTable<K extends Shape, V extends Shape>(shape: { key: K; value: V }): ViewTable<K, V> {
  for (const part of ["key", "value"] as const) {
    if (typeof shape[part] !== "object" || shape[part] === null) {
      throw wrongValue(`viewTable: ${part}`, shape[part], "give Convex validators or a zod object");
    }
  }
  let table: object | undefined;
  // Every execution of a function evaluates this module; only the schema needs the definition, so make it on first use.
  const viewTable = new Proxy({ shape } as object, {
    get(_, name) {
      if (name === "shape") return shape;
      table ??= defineTable(rowFields())
        .index("by_key", ["key"])
        .index("by_expiry", ["expiresAt"])
        .index("by_asked", ["askedAt"]);
      const member: unknown = Reflect.get(table, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        const result: unknown = member.apply(table, args);
        return result === table ? viewTable : result;
      };
    },
  });
  return viewTable as ViewTable<K, V>;
}
