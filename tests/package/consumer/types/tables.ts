import { v } from "convex/values";
import { type Row, viewTable } from "convex-lazy-views";
import type { Doc, Id } from "../convex/_generated/dataModel";
import type { QueryCtx } from "../convex/_generated/server";
import type { Equal, Expect } from "./assert";

type Stats = { flights: number; meanDelay: number; worst?: Id<"flights"> };

/** A stored row has the view's types, also in the app's own queries. */
export type Cases = [
  Expect<Equal<Doc<"airportStats">["args"], { airport: string }>>,
  Expect<Equal<Doc<"airportStats">["value"], Stats>>,
  Expect<Equal<Doc<"movieSearch">["value"], { titles: string[]; kind: "full" | "partial" }>>,
  Expect<Doc<"airportStats"> extends Row<{ airport: string }, Stats> ? true : false>,
];

const table = () =>
  viewTable({
    key: { airport: v.string() },
    value: { flights: v.number(), delay: v.object({ mean: v.number() }) },
  });

/** Index paths below key and value. */
export const indexed = [
  table().index("by_flights", ["value.flights"]),
  table().index("by_delay", ["args.airport", "value.delay.mean"]),
  table().index("by_age", ["computedAt"]),
  // @ts-expect-error the value has no such field
  table().index("by_x", ["value.x"]),
  // @ts-expect-error the value has no such nested field
  table().index("by_x", ["value.delay.x"]),
  // @ts-expect-error the key has no such field
  table().index("by_x", ["args.x"]),
];

export function queries({ db }: QueryCtx) {
  return [
    db.query("airportStats").withIndex("by_key", (q) => q.eq("key", "k")),
    db.query("airportStats").withIndex("by_mean_delay", (q) => q.gt("value.meanDelay", 15)),
    // @ts-expect-error the mean delay is a number
    db.query("airportStats").withIndex("by_mean_delay", (q) => q.gt("value.meanDelay", "15")),
    db.query("movieSearch").withIndex("by_kind", (q) => q.eq("value.kind", "full")),
  ];
}
