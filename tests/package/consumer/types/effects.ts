import type { FunctionReference_future } from "convex/server";
import type { EffectCtx } from "convex-lazy-views";
import { api, internal } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";
import type { Equal, Expect } from "./assert";

export function effects({ scheduleEffect }: EffectCtx, flight: Id<"flights">) {
  const scheduled = scheduleEffect(internal.tracking.viewed, { flight });
  scheduleEffect(internal.tracking.viewed, { flight, by: "me" }, { window: { minutes: 5 } });
  scheduleEffect(internal.tracking.viewed, { flight }, { key: "k", window: { hours: 1 } });
  scheduleEffect(api.dashboard.add, { origin: "SFO", destination: "LAX", delay: 3 });
  scheduleEffect(api.tracking.ping);
  scheduleEffect(api.tracking.ping, {});
  scheduleEffect(api.tracking.ping, {}, { key: "k" });
  return [] as unknown as Expect<Equal<typeof scheduled, void>>;
}

/** A function can take a target as a reference with exact arguments. */
export function references(
  { scheduleEffect }: EffectCtx,
  target: FunctionReference_future<"mutation", "internal", { flight: Id<"flights"> }>,
  flight: Id<"flights">,
) {
  scheduleEffect(target, { flight }, { window: { minutes: 5 } });
  // @ts-expect-error an argument is missing
  scheduleEffect(target, {});
}

/** What must not compile. */
export function mistakes({ scheduleEffect }: EffectCtx, flight: Id<"flights">) {
  // @ts-expect-error a query is not a target
  scheduleEffect(api.dashboard.stats, { airport: "SFO" });
  // @ts-expect-error an internal query is not a target
  scheduleEffect(internal.lazy.inspect, {});
  // @ts-expect-error the arguments are missing
  scheduleEffect(internal.tracking.viewed);
  // @ts-expect-error an argument is missing
  scheduleEffect(internal.tracking.viewed, {});
  // @ts-expect-error an argument of the wrong type
  scheduleEffect(internal.tracking.viewed, { flight: 1 });
  // @ts-expect-error an argument too many
  scheduleEffect(internal.tracking.viewed, { flight, at: 1 });
  // @ts-expect-error a target without arguments is given one
  scheduleEffect(api.tracking.ping, { flight });
  // @ts-expect-error a unit that does not exist
  scheduleEffect(internal.tracking.viewed, { flight }, { window: { days: 1 } });
  // @ts-expect-error an option that does not exist
  scheduleEffect(internal.tracking.viewed, { flight }, { delay: { seconds: 1 } });
  // @ts-expect-error an internal mutation is not in `api`
  scheduleEffect(api.tracking.viewed, { flight });
}
