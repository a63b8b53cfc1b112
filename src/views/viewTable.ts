import { defineTable, type TableDefinition } from "convex/server";
import type { VAny, VObject } from "convex/values";
import type { Shape, ShapePaths, ShapeType } from "../model/shape.js";
import { type Row, rowFields } from "../schema.js";
import { wrongValue } from "../values/describe.js";

/** The validators of a row, with those of its key and value that the app gave. */
type RowFields<K, V> = Pick<
  ReturnType<typeof rowFields>,
  Exclude<keyof Row, "args" | "value" | "probes" | "tracked">
> & {
  args: VAny<ShapeType<K>, "required", ShapePaths<K>>;
  value: VAny<ShapeType<V>, "required", ShapePaths<V>>;
  probes: VAny<string[] | undefined, "optional", never>;
  tracked: VAny<Row["tracked"], "optional", never>;
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
 * The table of a view, for `convex/schema.ts`. Key and value are typed, and checked at every commit, but stored as
 * `v.any()`: a derived row must never block a push.
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
 * @param shape - Of key and value: fields of Convex validators, or a zod object; of the value also one validator.
 * @throws Error when a shape is missing.
 */
export function viewTable<K extends Shape, V extends Shape>(shape: { key: K; value: V }): ViewTable<K, V> {
  for (const part of ["key", "value"] as const) {
    if (typeof shape[part] !== "object" || shape[part] === null) {
      throw wrongValue(`viewTable: ${part}`, shape[part], "give Convex validators or a zod object");
    }
  }
  let table: object | undefined;
  // Only the schema needs the definition: it is made when it is first looked at, not in each execution of a function.
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
