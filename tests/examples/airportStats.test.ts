import { collectEffects, deliverEffects } from "convex-lazy-views/test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import { airports, flights } from "../../examples/flightsData.js";
import { startApp } from "../setup.js";
import { endTestApp } from "../testApp.js";

let t: ReturnType<typeof startApp>;
beforeEach(() => {
  t = startApp();
});
afterEach(endTestApp);

const flight = {
  date: "2001/01/01 00:00",
  delay: 0,
  distance: 100,
  origin: "SFO",
  destination: "LAX",
};

/** Reads, has what is due recomputed, and reads again. */
async function freshStats(airport: string) {
  const { messages } = await collectEffects(() => t.query(api.dashboard.stats, { airport }));
  if (messages.length > 0) await deliverEffects(t, messages);
  await t.finishAllScheduledFunctions(vi.runAllTimers);
  const { result } = await collectEffects(() => t.query(api.dashboard.stats, { airport }));
  expect(result.state).toBe("fresh");
  return result.value;
}

describe("the rollup of an airport", () => {
  test("counts departures and arrivals, delays, punctuality and routes", async () => {
    const delays = [-20, 14, 15, 200];
    await t.mutation(api.flights.load, {
      flights: [
        ...delays.map((delay) => ({ ...flight, delay })),
        { ...flight, origin: "JFK", destination: "SFO", delay: 41 },
        { ...flight, origin: "JFK", destination: "LAX", delay: 999 },
      ],
    });
    expect(await freshStats("SFO")).toEqual({
      flights: 5,
      meanDelay: 50,
      onTimeShare: 0.4,
      histogram: [
        { from: null, to: -15, flights: 1 },
        { from: -15, to: 0, flights: 0 },
        { from: 0, to: 15, flights: 1 },
        { from: 15, to: 30, flights: 1 },
        { from: 30, to: 60, flights: 1 },
        { from: 60, to: 120, flights: 0 },
        { from: 120, to: null, flights: 1 },
      ],
      routes: [
        { airport: "LAX", flights: 4, meanDelay: 52.25 },
        { airport: "JFK", flights: 1, meanDelay: 41 },
      ],
    });
  });

  test("of no flights is empty, not NaN", async () => {
    expect(await freshStats("XXX")).toMatchObject({ flights: 0, meanDelay: 0, onTimeShare: 0 });
  });

  test("over the real flights agrees with a count of the file", async () => {
    const sample = flights().slice(0, 500);
    await t.mutation(api.flights.loadAirports, { airports: airports() });
    await t.mutation(api.flights.load, { flights: sample.slice(0, 250) });
    await t.mutation(api.flights.load, { flights: sample.slice(250) });
    const [busiest] = await t.query(api.dashboard.airports);
    const code = busiest?.code as string;
    const own = sample.filter((f) => f.origin === code || f.destination === code);
    const stats = await freshStats(code);
    expect(stats?.flights).toBe(own.length);
    expect(stats?.meanDelay).toBeCloseTo(own.reduce((sum, f) => sum + f.delay, 0) / own.length);
    expect(stats?.histogram.reduce((sum, bin) => sum + bin.flights, 0)).toBe(own.length);
  });

  test("follows a flight that changes, and one that moves to another airport", async () => {
    await t.mutation(api.flights.load, { flights: [flight] });
    expect(await freshStats("SFO")).toMatchObject({ flights: 1, meanDelay: 0 });
    expect(await freshStats("OAK")).toMatchObject({ flights: 0 });
    const id = await t.run(async (ctx) => (await ctx.db.query("flights").first())?._id);
    if (id === undefined) throw new Error("the flight is gone");
    await t.mutation(api.flights.change, { id, delay: 30 });
    expect(await freshStats("SFO")).toMatchObject({ flights: 1, meanDelay: 30 });
    await t.mutation(api.flights.change, { id, origin: "OAK" });
    expect(await freshStats("SFO")).toMatchObject({ flights: 0 });
    expect(await freshStats("OAK")).toMatchObject({ flights: 1, meanDelay: 30 });
  });
});
