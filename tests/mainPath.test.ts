import { collectEffects, deliverEffects } from "convex-lazy-views/test";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "../examples/convex/_generated/api.js";
import { startApp } from "./setup.js";
import { endTestApp } from "./testApp.js";

afterEach(endTestApp);

test("a stale read leads to one recompute", async () => {
  const t = startApp();
  await t.mutation(api.flights.add, { origin: "SFO", destination: "LAX", delay: 10 });
  const read = () => collectEffects(() => t.query(api.dashboard.stats, { airport: "SFO" }));

  const first = await read();
  expect(first.result).toEqual({ state: "missing", value: null, computedAt: null, version: null });
  expect(first.effects).toEqual([
    {
      target: "lazy:recompute",
      args: { view: "airportStats", args: { airport: "SFO" } },
      windowMs: 2_000,
      seq: 0,
    },
  ]);
  await deliverEffects(t, first.messages);
  await t.finishAllScheduledFunctions(vi.runAllTimers);
  const second = await read();
  expect(second.effects).toEqual([]);
  expect(second.result).toMatchObject({ state: "fresh", value: { flights: 1, meanDelay: 10 } });

  await t.mutation(api.flights.add, { origin: "SFO", destination: "LAX", delay: 20 });
  const third = await read();
  expect(third.result).toMatchObject({ state: "stale", value: { flights: 1 } });
  expect(third.effects).toHaveLength(1);
  await deliverEffects(t, third.messages);
  await t.finishAllScheduledFunctions(vi.runAllTimers);
  const fourth = await read();
  expect(fourth.result).toMatchObject({ state: "fresh", value: { flights: 2, meanDelay: 15 } });
});
