import { afterEach, expect, test, vi } from "vitest";
import { api } from "../examples/convex/_generated/api.js";
import { startExample } from "./examples/startExample.js";

afterEach(() => {
  vi.useRealTimers();
});

test("a stale read leads to one recompute", async () => {
  const { t, views } = startExample();
  await t.mutation(api.rollups.flights.add, { origin: "SFO", destination: "LAX", delay: 10 });
  const read = () => t.query(api.rollups.dashboard.stats, { airport: "SFO" });

  const first = await views.collect(read);
  expect(first.result).toMatchObject({ state: "missing", value: { flights: 1, meanDelay: 10 }, computedAt: null });
  expect(first.effects).toEqual([
    {
      target: "lazy:recompute",
      args: { view: "airportStats", args: { airport: "SFO" } },
      windowMs: 2_000,
      seen: 0n,
    },
  ]);
  await views.deliver(first.messages);
  await views.advance(2_000);
  const second = await views.collect(read);
  expect(second.effects).toEqual([]);
  expect(second.result).toMatchObject({ state: "fresh", value: { flights: 1, meanDelay: 10 } });

  await t.mutation(api.rollups.flights.add, { origin: "SFO", destination: "LAX", delay: 20 });
  const third = await views.collect(read);
  expect(third.result).toMatchObject({ state: "stale", value: { flights: 1 } });
  expect(third.effects).toHaveLength(1);
  await views.deliver(third.messages);
  await views.advance();
  const fourth = await views.collect(read);
  expect(fourth.result).toMatchObject({ state: "fresh", value: { flights: 2, meanDelay: 15 } });
});
