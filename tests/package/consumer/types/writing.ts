import type { EffectCtx } from "convex-lazy-views";
import type { Id } from "../convex/_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../convex/_generated/server";
import { airportStats } from "../convex/airportStats";
import { movieSearch } from "../convex/movieSearch";
import type { Equal, Expect } from "./assert";

export async function writes(ctx: MutationCtx & EffectCtx) {
  const invalidated = await airportStats.invalidate(ctx, { airport: "SFO" });
  const refreshed = await airportStats.refresh(ctx, { airport: "SFO" });
  const refreshedZod = await movieSearch.refresh(ctx, { year: 1999 });
  const evicted = await airportStats.evict(ctx, { airport: "SFO" });
  const got = await airportStats.get(ctx, { airport: "SFO" });
  type Cases = [
    Expect<Equal<typeof invalidated, void>>,
    Expect<Equal<typeof refreshed, { flights: number; meanDelay: number; worst?: Id<"flights"> }>>,
    Expect<Equal<typeof refreshedZod, { titles: string[]; kind: "full" | "partial" }>>,
    Expect<Equal<typeof evicted, boolean>>,
    Expect<Equal<typeof got, typeof refreshed | null>>,
  ];
  return [] as unknown as Cases;
}

/** What must not compile. */
export async function miswrites(query: QueryCtx & EffectCtx, mutation: MutationCtx & EffectCtx, plain: MutationCtx) {
  // @ts-expect-error a query does not write
  await airportStats.invalidate(query, { airport: "SFO" });
  // @ts-expect-error a query does not write
  await airportStats.refresh(query, { airport: "SFO" });
  // @ts-expect-error a query does not write
  await airportStats.evict(query, { airport: "SFO" });
  // @ts-expect-error a plain mutation does not have the library's ctx
  await airportStats.invalidate(plain, { airport: "SFO" });
  // @ts-expect-error a field that the key does not have
  await airportStats.invalidate(mutation, { airprot: "SFO" });
  // @ts-expect-error a field of the wrong type
  await movieSearch.evict(mutation, { year: "1999" });
}
