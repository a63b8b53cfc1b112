import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import type { Probe, Sight, Staleness, Verdict } from "../model/definition.js";
import type { Row } from "../schema.js";
import { MIN_AGE_MS } from "../times.js";
import { describe } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";
import { hasReached } from "./age.js";

/** How severe a verdict is: `expired` over `stale` over `fresh`. */
const SEVERITY: Record<Verdict, number> = { fresh: 0, stale: 1, expired: 2 };

/**
 * Stale when a source changed since the row was computed, or somebody called `view.invalidate`, or
 * `lazy.invalidateTag` with one of the key's tags.
 *
 * Guards against every change that a mutation of `lazy.mutation` makes. It reads nothing but the row, and one
 * document for each tag of the key.
 *
 * ```ts
 * defineView("airportStats", { staleWhen: invalidated(), … })
 * ```
 */
export function invalidated<Key, Value>(): Staleness<Key, Value> {
  return {
    probes: [],
    ages: [],
    judge: ({ row, isTagInvalidated }) => {
      if (row.dirtyAt !== undefined) return "stale";
      if (isTagInvalidated === undefined) return "fresh";
      return isTagInvalidated().then((isInvalidated) => (isInvalidated ? "stale" : "fresh"));
    },
  };
}

/**
 * Stale when the row was computed longer ago than this.
 *
 * It reads nothing but the row, and no clock: a sweep marks rows when their time is up, which also runs the queries
 * again that are subscribed to them. A row that nobody reads is marked once, and never recomputed. Marks come late
 * by up to a twentieth of the age (at least a second, at most ten minutes).
 *
 * ```ts
 * defineView("airportStats", { staleWhen: anyOf(invalidated(), olderThan({ minutes: 10 })), … })
 * ```
 *
 * @param age - At least a second, at most a year.
 * @throws Error naming the value, when it is no such duration.
 */
export function olderThan<Key, Value>(age: Duration): Staleness<Key, Value> {
  const ageMs = toMs(age, "olderThan");
  if (ageMs < MIN_AGE_MS) {
    throw new Error(`olderThan: ${ageMs} ms is too short; rows are marked every second at most.`);
  }
  return {
    probes: [],
    ages: [ageMs],
    judge: ({ row }) => (hasReached(row, ageMs) ? "stale" : "fresh"),
  };
}

/**
 * Stale when a cheap read of the sources gives another result than it did at the commit. The net for writes that
 * bypass `lazy.mutation`: the dashboard, imports, raw mutations. Every read of the row pays for the probe.
 *
 * ```ts
 * staleWhen: anyOf(invalidated(), changed(async (ctx: QueryCtx, { airport }: { airport: string }) => {
 *   const last = await ctx.db.query("flights").withIndex("by_origin", (q) => q.eq("origin", airport)).order("desc").first();
 *   return last?._creationTime ?? null;
 * }))
 * ```
 *
 * @param probe - Reads a Convex value; it may only read, and must not look at the clock.
 */
export function changed<Key, Value, DataModel extends GenericDataModel = GenericDataModel>(
  probe: (ctx: GenericQueryCtx<DataModel>, key: Key) => unknown,
): Staleness<Key, Value> {
  const own = probe as unknown as Probe;
  return {
    probes: [own],
    ages: [],
    judge: async (sight) => ((await sight.hasChanged(own)) ? "stale" : "fresh"),
  };
}

/**
 * Stale (or what it returns) when a function of the row says so.
 *
 * ```ts
 * when((row: { value: Stats }) => row.value.flights === 0)                      // true → stale
 * when((row: { value: Grant }) => (row.value.revoked ? "expired" : "fresh"))
 * ```
 *
 * @param judge - True means stale, false fresh. It may read, and must not look at the clock. It must call a row
 * that was just computed fresh: one that it never does is recomputed no more often than a failing view.
 */
export function when<Key, Value, DataModel extends GenericDataModel = GenericDataModel>(
  judge: (
    row: { key: Key; value: Value; version: number; computedAt: number },
    ctx: GenericQueryCtx<DataModel>,
  ) => boolean | Verdict | Promise<boolean | Verdict>,
): Staleness<Key, Value> {
  return {
    probes: [],
    ages: [],
    judge: async ({ row, ctx }) => {
      const { args, value, version, computedAt } = row as Row<Key, Value>;
      const said = await judge({ key: args, value, version, computedAt }, ctx as unknown as GenericQueryCtx<DataModel>);
      if (typeof said === "boolean") return said ? "stale" : "fresh";
      if (said in SEVERITY) return said;
      throw new Error(`when() returned ${describe(said)}; return a boolean or a verdict.`);
    },
  };
}

/** The most severe of several verdicts: stale when any of them is. */
export function anyOf<Key, Value>(...predicates: Staleness<Key, Value>[]): Staleness<Key, Value> {
  return combine("anyOf", predicates, (a, b) => SEVERITY[a] > SEVERITY[b], "expired");
}

/** The least severe of several verdicts: stale only when all of them are. */
export function allOf<Key, Value>(...predicates: Staleness<Key, Value>[]): Staleness<Key, Value> {
  return combine("allOf", predicates, (a, b) => SEVERITY[a] < SEVERITY[b], "fresh");
}

/** Stale when the predicate says fresh, and fresh when it says stale or expired. */
export function not<Key, Value>(predicate: Staleness<Key, Value>): Staleness<Key, Value> {
  return {
    ...predicate,
    judge: async (sight) => ((await predicate.judge(sight)) === "fresh" ? "stale" : "fresh"),
  };
}

/** For the view's option `expiredWhen`: expired when the predicate says stale or expired. */
export function asExpired<Key, Value>(predicate: Staleness<Key, Value>): Staleness<Key, Value> {
  return {
    ...predicate,
    judge: async (sight) => ((await predicate.judge(sight)) === "fresh" ? "fresh" : "expired"),
  };
}

/** Asks one predicate after the other, and stops at a verdict that no other can beat. */
function combine<Key, Value>(
  name: string,
  predicates: Staleness<Key, Value>[],
  wins: (verdict: Verdict, over: Verdict) => boolean,
  final: Verdict,
): Staleness<Key, Value> {
  if (predicates.length === 0) throw new Error(`${name}() needs at least one predicate.`);
  return {
    probes: predicates.flatMap((predicate) => predicate.probes),
    ages: predicates.flatMap((predicate) => predicate.ages),
    judge: async (sight: Sight) => {
      let best: Verdict | undefined;
      for (const predicate of predicates) {
        const verdict = await predicate.judge(sight);
        if (best === undefined || wins(verdict, best)) best = verdict;
        if (best === final) break;
      }
      return best as Verdict;
    },
  };
}
