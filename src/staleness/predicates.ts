import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import type { Probe, Sight, Staleness, Verdict } from "../model/definition.js";
import type { Row } from "../schema.js";
import { MIN_AGE_MS } from "../times.js";
import { describe, wrongValue } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";

/** From the mildest to the most severe. */
const VERDICTS: readonly Verdict[] = ["fresh", "stale", "expired"];
/** What a predicate has that looks at nothing but the row. */
const ROW_ONLY = { probes: [], ages: [], asksMarks: false };

/**
 * Stale after a change of what `compute` has read (or of a declared source), `view.invalidate`, or `lazy.invalidateTag`
 * with one of the key's tags. It reads nothing but the row, and one document for each tag of the key, and for each
 * dependency that very many rows share. `defineView("airportStats", { staleWhen: invalidated(), … })`
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
 * Stale when the row was computed longer ago than this. It reads nothing but the row: a sweep marks rows when their time
 * is up, and then Convex runs the queries that are subscribed to them. Marks come up to a twentieth of the age late, at
 * most ten minutes; for ages below 20 seconds, up to one second.
 * `{ staleWhen: anyOf(invalidated(), olderThan({ minutes: 10 })), … }`
 * @param age - At least a second, at most a year.
 * @throws Error naming the value, when it is no such duration.
 */
export function olderThan<Key, Value>(age: Duration): Staleness<Key, Value> {
  const ageMs = toMs(age, "olderThan");
  if (ageMs < MIN_AGE_MS) throw new Error(`olderThan: ${ageMs} ms is too short; give at least a second.`);
  return { ...ROW_ONLY, ages: [ageMs], judge: ({ row }) => staleIf(hasReached(row, ageMs)) };
}

/** Whether a row has reached an age, without a clock: its sweep moves `expiresAt` on. A row without it counts as old. */
export const hasReached = ({ expiresAt, computedAt }: Row, ageMs: number): boolean =>
  expiresAt === undefined || expiresAt > computedAt + ageMs;

/**
 * Stale when a cheap read of the sources gives another result than at the commit: for writes that bypass
 * `lazy.mutation`, of the dashboard, imports and raw mutations. Every read of the row pays for the probe. It sees
 * what it looks at, and nothing else: the probe below sees new flights, but no changed delay.
 *
 * ```ts
 * staleWhen: anyOf(invalidated(), changed(async (ctx: QueryCtx, { airport }: { airport: string }) => {
 *   const flights = ctx.db.query("flights").withIndex("by_origin", (q) => q.eq("origin", airport));
 *   return (await flights.order("desc").first())?._creationTime ?? null;
 * }))
 * ```
 * @param probe - Returns a Convex value; `undefined` counts as null. It must not look at the clock; `ctx.auth` throws.
 */
export function changed<Key, Value, DataModel extends GenericDataModel = GenericDataModel>(
  probe: (ctx: GenericQueryCtx<DataModel>, key: Key) => unknown,
): Staleness<Key, Value> {
  if (typeof probe !== "function") throw wrongValue("changed()", probe, "give a function");
  const own = probe as unknown as Probe;
  return { ...ROW_ONLY, probes: [own], judge: async (sight) => staleIf(await sight.hasChanged(own)) };
}

/**
 * Stale (or what it returns) when a function of the row says so.
 *
 * ```ts
 * when((row: { value: Stats }) => row.value.flights === 0)                      // true → stale
 * when((row: { value: Grant }) => (row.value.revoked ? "expired" : "fresh"))
 * ```
 * @param judge - True means stale, false or nothing fresh. It may read, and must not look at the clock; `ctx.auth`
 * throws. It must call a new row fresh: else its recompute has failed.
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

/** The most severe of several verdicts: stale when any of them is. */
export function anyOf<Key, Value>(...predicates: Staleness<Key, Value>[]): Staleness<Key, Value> {
  return combine("anyOf", predicates, VERDICTS);
}

/** The least severe of several verdicts: stale only when all of them are. */
export function allOf<Key, Value>(...predicates: Staleness<Key, Value>[]): Staleness<Key, Value> {
  return combine("allOf", predicates, [...VERDICTS].reverse());
}

/** Stale when the predicate says fresh, and fresh when it says stale or expired. */
export function not<Key, Value>(predicate: Staleness<Key, Value>): Staleness<Key, Value> {
  checkPredicate("not()", predicate);
  return { ...predicate, judge: async (sight) => staleIf((await predicate.judge(sight)) === "fresh") };
}

/** For the view's option `expiredWhen`: expired when the predicate says stale or expired. */
export function asExpired<Key, Value>(predicate: Staleness<Key, Value>): Staleness<Key, Value> {
  const judge = async (sight: Sight) => ((await predicate.judge(sight)) === "fresh" ? "fresh" : "expired");
  return { ...predicate, judge };
}

/** @throws Error naming the value, when it is no predicate. */
export function checkPredicate(what: string, value: unknown): void {
  const { judge } = (value ?? {}) as Partial<Staleness>;
  if (typeof judge !== "function") throw wrongValue(what, value, "give a predicate, such as invalidated()");
}

const staleIf = (isStale: boolean): Verdict => (isStale ? "stale" : "fresh");

/** Of the predicates' verdicts, the one that comes last in an order. Stops asking when one gives the last of the order. */
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
