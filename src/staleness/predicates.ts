import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import type { Probe, Sight, Staleness, Verdict } from "../model/definition.js";
import type { Row } from "../schema.js";
import { MIN_AGE_MS } from "../times.js";
import { describe, wrongValue } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";

/** From the mildest to the most severe. */
const VERDICTS: readonly Verdict[] = ["fresh", "stale", "expired"];
/** The fields of a predicate that looks at nothing but the row. */
const ROW_ONLY = { probes: [], ages: [], asksMarks: false };

/**
 * Returns the predicate that calls a row stale after one of these changes. It is the default of `staleWhen`.
 * - A function of `lazy.mutation` has written something that `compute` had read or, in a view with `sources`, a
 *   document of the row's sources.
 * - {@link View.invalidate} was called for the key of the row.
 * - {@link LazyViews.invalidateTag} was called for one of the tags of the key.
 *
 * It looks at the row. It also reads one document for each tag of the key that was ever invalidated, and for each
 * dependency that the row shares with more than 64 others.
 *
 * @example
 * ```ts
 * import { defineView, invalidated } from "convex-lazy-views";
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   expiredWhen: invalidated(), // no reader gets a value from before a change
 * });
 * ```
 */
export function invalidated<Key, Value>(): Staleness<Key, Value> {
  return {
    ...ROW_ONLY,
    asksMarks: true,
    judge: ({ row, isTagInvalidated }) => {
      if (row.dirtyAt !== undefined) return "stale";
      if (isTagInvalidated === undefined) return "fresh";
      return isTagInvalidated().then(staleIf);
    },
  };
}

/**
 * Returns a predicate that calls a row stale when it was computed longer ago than `age`. It looks at nothing but the
 * row.
 *
 * The read of a row does not look at the clock. A sweep, which is a scheduled mutation, writes to the rows that have
 * reached the age, so Convex runs the queries again that are subscribed to them. One sweep handles many rows, so a row
 * becomes stale up to a twentieth of the age late, at most ten minutes. For ages below 20 seconds, it is up to one second.
 *
 * @example
 * ```ts
 * import { anyOf, defineView, invalidated, olderThan } from "convex-lazy-views";
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   staleWhen: anyOf(invalidated(), olderThan({ hours: 1 })),
 * });
 * ```
 *
 * @param age - At least a second, at most a year.
 * @throws Error that names the value, when it is not a duration, or is too short or too long.
 */
export function olderThan<Key, Value>(age: Duration): Staleness<Key, Value> {
  const ageMs = toMs(age, "olderThan");
  if (ageMs < MIN_AGE_MS) throw new Error(`olderThan: ${ageMs} ms is too short; give at least a second.`);
  return { ...ROW_ONLY, ages: [ageMs], judge: ({ row }) => staleIf(hasReached(row, ageMs)) };
}

/**
 * Whether a row has reached an age. It needs no clock, as sweeps move `expiresAt` on. A row without it counts as old.
 */
export const hasReached = ({ expiresAt, computedAt }: Row, ageMs: number): boolean =>
  expiresAt === undefined || expiresAt > computedAt + ageMs;

/**
 * Returns a predicate that calls a row stale when a *probe*, a cheap read of the sources, returns something else than
 * when the row was computed. Use it for writes that bypass `lazy.mutation`: those of the dashboard, of imports and of
 * raw mutations. Every read of the row runs the probe, and pays for what it reads.
 * A probe sees what it looks at, and nothing else: the one below sees new flights, but no changed delay.
 *
 * @example
 * ```ts
 * import { anyOf, changed, defineView, invalidated } from "convex-lazy-views";
 *
 * const newestFlight = changed(async (ctx: QueryCtx, { airport }: { airport: string }) => {
 *   const flights = ctx.db.query("flights").withIndex("by_origin", (q) => q.eq("origin", airport));
 *   return (await flights.order("desc").first())?._creationTime;
 * });
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   staleWhen: anyOf(invalidated(), newestFlight),
 * });
 * ```
 *
 * @param probe - Gets a ctx that only reads, and the key. It returns a Convex value; `undefined` counts as null. It
 * must not look at the clock, and `ctx.auth` throws. Annotate its parameters.
 * @throws Error that names the value, when `probe` is not a function.
 */
export function changed<Key, Value, DataModel extends GenericDataModel = GenericDataModel>(
  probe: (ctx: GenericQueryCtx<DataModel>, key: Key) => unknown,
): Staleness<Key, Value> {
  if (typeof probe !== "function") throw wrongValue("changed()", probe, "give a function");
  const own = probe as unknown as Probe;
  return { ...ROW_ONLY, probes: [own], judge: async (sight) => staleIf(await sight.hasChanged(own)) };
}

/**
 * Returns a predicate made of your own function of the row. Each read of the row runs it, and pays for what it reads.
 *
 * @example
 * ```ts
 * import { anyOf, defineView, invalidated, when } from "convex-lazy-views";
 *
 * // Unlike invalidated(), this sees a flight that was imported.
 * const hasFirstFlight = when(async (row: { key: { airport: string }; value: Stats }, ctx: QueryCtx) => {
 *   if (row.value.flights > 0) return false;
 *   const { airport } = row.key;
 *   const flights = ctx.db.query("flights").withIndex("by_origin", (q) => q.eq("origin", airport));
 *   return (await flights.first()) !== null;
 * });
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   staleWhen: anyOf(invalidated(), hasFirstFlight),
 * });
 * ```
 *
 * @param judge - Gets the row (`computedAt` in ms since 1970), and a ctx that only reads. It returns a
 * {@link Verdict}; true stands for `"stale"`, and false or `undefined` for `"fresh"`. It must not look at the clock,
 * and `ctx.auth` throws. Annotate its parameters. A row that was computed just now must be fresh: otherwise its
 * recompute fails, and the old row stays. So compare the value with what you read, unless {@link allOf} with
 * `invalidated()` calls new rows fresh.
 * @throws Error that names the value, when `judge` is not a function. (If `judge` returns anything else, the predicate
 * throws when a row is read: see `staleWhen`.)
 */
export function when<Key, Value, DataModel extends GenericDataModel = GenericDataModel>(
  judge: (
    row: { key: Key; value: Value; version: number; computedAt: number },
    ctx: GenericQueryCtx<DataModel>,
  ) => boolean | Verdict | Promise<boolean | Verdict>,
): Staleness<Key, Value> {
  if (typeof judge !== "function") throw wrongValue("when()", judge, "give a function");
  return {
    ...ROW_ONLY,
    judge: async ({ row, ctx }) => {
      const { args, value, version, computedAt } = row as Row<Key, Value>;
      const reader = ctx as unknown as GenericQueryCtx<DataModel>;
      const said = (await judge({ key: args, value, version, computedAt }, reader)) ?? false;
      if (typeof said === "boolean") return staleIf(said);
      if (VERDICTS.includes(said)) return said;
      throw new Error(`when() returned ${describe(said)}; return a boolean or a verdict.`);
    },
  };
}

/**
 * Returns a predicate that gives the most severe verdict of several: the row is stale when at least one of them says
 * so. It asks them in their order, and stops at the first that says `"expired"`.
 *
 * @example
 * ```ts
 * import { anyOf, defineView, invalidated, olderThan } from "convex-lazy-views";
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   staleWhen: anyOf(invalidated(), olderThan({ minutes: 10 })), // after a change, or after ten minutes
 * });
 * ```
 *
 * @throws Error, when there is no predicate, or one of the arguments is not a predicate.
 */
export function anyOf<Key, Value>(...predicates: Staleness<Key, Value>[]): Staleness<Key, Value> {
  return combine("anyOf", predicates, VERDICTS);
}

/**
 * Returns a predicate that gives the least severe verdict of several: the row is stale only when all of them say so. It
 * asks them in their order, and stops at the first that says `"fresh"`: put the cheapest first.
 *
 * @example
 * ```ts
 * import { allOf, defineView, invalidated, olderThan } from "convex-lazy-views";
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   staleWhen: allOf(invalidated(), olderThan({ minutes: 10 })), // after a change, but not in the first ten minutes
 * });
 * ```
 *
 * @throws Error, when there is no predicate, or one of the arguments is not a predicate.
 */
export function allOf<Key, Value>(...predicates: Staleness<Key, Value>[]): Staleness<Key, Value> {
  return combine("allOf", predicates, [...VERDICTS].reverse());
}

/**
 * Returns the opposite of a predicate: the row is stale when the given one says `"fresh"`, and fresh when it says
 * `"stale"` or `"expired"`.
 *
 * @example
 * ```ts
 * import { allOf, anyOf, defineView, invalidated, not, olderThan, when } from "convex-lazy-views";
 *
 * const isLarge = when((row: { value: Stats }) => row.value.flights > 1000);
 *
 * export const airportStats = defineView("airportStats", {
 *   table: airportStatsTable,
 *   compute,
 *   // Small airports follow each change; large ones are recomputed ten minutes after the last time, or later.
 *   staleWhen: allOf(invalidated(), anyOf(not(isLarge), olderThan({ minutes: 10 }))),
 * });
 * ```
 *
 * @throws Error that names the value, when it is not a predicate.
 */
export function not<Key, Value>(predicate: Staleness<Key, Value>): Staleness<Key, Value> {
  checkPredicate("not()", predicate);
  return { ...predicate, judge: async (sight) => staleIf((await predicate.judge(sight)) === "fresh") };
}

/** The predicate of the option `expiredWhen`: expired where the given one says stale or expired. */
export function asExpired<Key, Value>(predicate: Staleness<Key, Value>): Staleness<Key, Value> {
  const judge = async (sight: Sight) => ((await predicate.judge(sight)) === "fresh" ? "fresh" : "expired");
  return { ...predicate, judge };
}

/** @throws Error that names the value, when it is not a predicate. */
export function checkPredicate(what: string, value: unknown): void {
  const { judge } = (value ?? {}) as Partial<Staleness>;
  if (typeof judge !== "function") throw wrongValue(what, value, "give a predicate, such as invalidated()");
}

const staleIf = (isStale: boolean): Verdict => (isStale ? "stale" : "fresh");

/** A predicate that gives the verdict that comes last in `order`. It stops at one that nothing comes after. */
function combine<Key, Value>(name: string, predicates: Staleness<Key, Value>[], order: readonly Verdict[]) {
  if (predicates.length === 0) throw new Error(`${name}() needs at least one predicate.`);
  for (const predicate of predicates) checkPredicate(`${name}()`, predicate);
  return {
    probes: predicates.flatMap(({ probes }) => probes),
    ages: predicates.flatMap(({ ages }) => ages),
    asksMarks: predicates.some(({ asksMarks }) => asksMarks),
    judge: async (sight: Sight) => {
      let last = 0;
      for (const predicate of predicates) {
        last = Math.max(last, order.indexOf(await predicate.judge(sight)));
        if (last === order.length - 1) break;
      }
      return order[last] as Verdict;
    },
  };
}
