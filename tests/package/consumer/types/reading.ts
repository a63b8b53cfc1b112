import type { EffectCtx, RowState, View, ViewRead } from "convex-lazy-views";
import type { Id } from "../convex/_generated/dataModel";
import type { ActionCtx, QueryCtx } from "../convex/_generated/server";
import { airportStats } from "../convex/airportStats";
import { movieSearch } from "../convex/movieSearch";
import type { Equal, Expect } from "./assert";

type Airport = { airport: string };
type Stats = { flights: number; meanDelay: number; worst?: Id<"flights"> };
type Search = { year: number; prefix?: string | undefined };
type Movies = { titles: string[]; kind: "full" | "partial" };
type Key<V> = V extends View<infer K, unknown, unknown> ? K : never;

export type Cases = [
  Expect<Equal<Key<typeof airportStats>, Airport>>,
  Expect<Equal<Key<typeof movieSearch>, Search>>,
  Expect<Equal<RowState, ViewRead<unknown>["state"]>>,
];

/** With Convex validators. */
export async function reads(ctx: QueryCtx & EffectCtx, plain: QueryCtx) {
  const got = await airportStats.get(ctx, { airport: "SFO" });
  const many = await airportStats.getMany(ctx, [{ airport: "SFO" }, { airport: "LAX" }]);
  const read = await airportStats.read(ctx, { airport: "SFO" });
  const peeked = await airportStats.peek(plain, { airport: "SFO" });
  type Got = [
    Expect<Equal<typeof got, Stats | null>>,
    Expect<Equal<typeof many, (Stats | null)[]>>,
    Expect<Equal<typeof read, ViewRead<Stats, null>>>,
    Expect<Equal<typeof peeked, ViewRead<Stats, null>>>,
  ];
  if (read.state === "fresh" || read.state === "stale") {
    type Served = [Expect<Equal<typeof read.value, Stats>>, Expect<Equal<typeof read.computedAt, number>>];
    return [] as unknown as [Got, Served];
  }
  type Absent = [Expect<Equal<typeof read.value, Stats | null>>, Expect<Equal<typeof read.version, number | null>>];
  return [] as unknown as [Got, Absent];
}

/** With zod objects. */
export async function readsZod(ctx: QueryCtx & EffectCtx) {
  const got = await movieSearch.get(ctx, { year: 1999 });
  const read = await movieSearch.read(ctx, { year: 1999, prefix: "The" });
  type Got = [Expect<Equal<typeof got, Movies>>, Expect<Equal<typeof read, ViewRead<Movies, Movies>>>];
  return [] as unknown as Got;
}

/** What must not compile. */
export async function misread(ctx: QueryCtx & EffectCtx, plain: QueryCtx, action: ActionCtx & EffectCtx) {
  // @ts-expect-error a field that the key does not have
  await airportStats.get(ctx, { airprot: "SFO" });
  // @ts-expect-error a field too many
  await airportStats.get(ctx, { airport: "SFO", terminal: 1 });
  // @ts-expect-error a field of the wrong type
  await airportStats.read(ctx, { airport: 1 });
  // @ts-expect-error one key of many is wrong
  await airportStats.getMany(ctx, [{ airport: "SFO" }, { airport: null }]);
  // @ts-expect-error no key
  await airportStats.peek(plain);
  // @ts-expect-error a key of zod's with a field of the wrong type
  await movieSearch.get(ctx, { year: "1999" });
  // @ts-expect-error a plain ctx can raise no effect
  await airportStats.get(plain, { airport: "SFO" });
  // @ts-expect-error a plain ctx can raise no effect in read
  await airportStats.read(plain, { airport: "SFO" });
  // @ts-expect-error a plain ctx can raise no effect in getMany
  await airportStats.getMany(plain, [{ airport: "SFO" }]);
  // @ts-expect-error an action has no database
  await airportStats.get(action, { airport: "SFO" });
  // @ts-expect-error an action has no database for peek
  await airportStats.peek(action, { airport: "SFO" });
}
