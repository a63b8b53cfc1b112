import type { Documents } from "convex-lazy-views";

const SIGNS = { gt: ">", gte: "≥", lt: "<", lte: "≤" };

/** `flights: origin = "ORD"`; `flights` for the whole table. */
export function dependencyText({ table, fields = {}, bounds }: Documents): string {
  const equal = Object.entries(fields).map(([field, value]) => `${field} = ${JSON.stringify(value)}`);
  const within = Object.entries(SIGNS).flatMap(([kind, sign]) => {
    const value = bounds?.[kind as keyof typeof SIGNS];
    return value === undefined ? [] : [`${bounds?.field} ${sign} ${JSON.stringify(value)}`];
  });
  const conditions = [...equal, ...within].join(", ");
  return conditions ? `${table}: ${conditions}` : table;
}
