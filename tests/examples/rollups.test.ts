import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import { airportStats } from "../../examples/convex/rollups/airportStats.js";
import { airports, flights } from "../../examples/flightsData.js";
import { startExample } from "./startExample.js";

let app: ReturnType<typeof startExample>;
let t: typeof app.t;
beforeEach(() => {
  app = startExample();
  t = app.t;
});
afterEach(() => {
  vi.useRealTimers();
});

const flight = {
  date: "2001/01/01 00:00",
  delay: 0,
  distance: 100,
  origin: "SFO",
  destination: "LAX",
};

/** The rollup of an airport, after its recompute. */
async function freshStats(airport: string) {
  const stats = await app.views.settle(() => t.query(api.rollups.dashboard.stats, { airport }));
  expect(stats.state).toBe("fresh");
  return stats.value;
}

/** The rollup of the whole network, after its recompute. */
async function freshNetwork() {
  const stats = await app.views.settle(() => t.query(api.rollups.dashboard.network));
  expect(stats.state).toBe("fresh");
  return stats.value;
}

describe("the rollup of an airport", () => {
  test("counts departures and arrivals, delays, punctuality and routes", async () => {
    const delays = [-20, 14, 15, 200];
    await t.mutation(api.rollups.flights.load, {
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
    await t.mutation(api.rollups.flights.loadAirports, { airports: airports() });
    await t.mutation(api.rollups.flights.load, { flights: sample.slice(0, 250) });
    await t.mutation(api.rollups.flights.load, { flights: sample.slice(250) });
    const [busiest] = await t.query(api.rollups.dashboard.airports);
    const code = busiest?.code as string;
    const own = sample.filter((f) => f.origin === code || f.destination === code);
    const stats = await freshStats(code);
    expect(stats?.flights).toBe(own.length);
    expect(stats?.meanDelay).toBeCloseTo(own.reduce((sum, f) => sum + f.delay, 0) / own.length);
    expect(stats?.histogram.reduce((sum, bin) => sum + bin.flights, 0)).toBe(own.length);
  });

  test("counts a flight from an airport to itself once, as the rollup of the network does", async () => {
    await t.mutation(api.rollups.flights.load, { flights: [{ ...flight, destination: "SFO", delay: 10 }] });
    expect(await freshStats("SFO")).toMatchObject({
      flights: 1,
      meanDelay: 10,
      onTimeShare: 1,
      routes: [{ airport: "SFO", flights: 1, meanDelay: 10 }],
    });
    expect(await freshNetwork()).toMatchObject({ flights: 1 });
  });

  test("follows a flight that changes, and one that moves to another airport", async () => {
    await t.mutation(api.rollups.flights.load, { flights: [flight] });
    expect(await freshStats("SFO")).toMatchObject({ flights: 1, meanDelay: 0 });
    expect(await freshStats("OAK")).toMatchObject({ flights: 0 });
    const id = await t.run(async (ctx) => (await ctx.db.query("flights").first())?._id);
    if (id === undefined) throw new Error("the flight is gone");
    await t.mutation(api.rollups.flights.change, { id, delay: 30 });
    expect(await freshStats("SFO")).toMatchObject({ flights: 1, meanDelay: 30 });
    await t.mutation(api.rollups.flights.change, { id, origin: "OAK" });
    expect(await freshStats("SFO")).toMatchObject({ flights: 0 });
    expect(await freshStats("OAK")).toMatchObject({ flights: 1, meanDelay: 30 });
  });

  test("turns stale by the flights of its own airport, and by no others: what it reads is tracked", async () => {
    expect(await freshStats("SFO")).toMatchObject({ flights: 0 });
    const { add } = api.rollups.flights;
    await t.mutation(add, { origin: "JFK", destination: "LAX", delay: 0 });
    await app.views.expectState(airportStats, { airport: "SFO" }, "fresh");
    await t.mutation(add, { origin: "JFK", destination: "SFO", delay: 0 });
    await app.views.expectState(airportStats, { airport: "SFO" }, "stale");
  });
});

describe("the rollup of the network", () => {
  test("measures every flight, through the aggregate component", async () => {
    const delays = [-20, 14, 15, 200];
    await t.mutation(api.rollups.flights.load, {
      flights: delays.map((delay) => ({ ...flight, delay })),
    });
    expect(await freshNetwork()).toEqual({
      flights: 4,
      meanDelay: 52.25,
      median: 14,
      p95: 200,
      worst: 200,
    });
  });

  test("of no flights has no delays", async () => {
    expect(await freshNetwork()).toEqual({
      flights: 0,
      meanDelay: null,
      median: null,
      p95: null,
      worst: null,
    });
  });

  test("follows every write: one mutation keeps the aggregate up to date and marks the rows", async () => {
    await t.mutation(api.rollups.flights.load, { flights: [flight] });
    expect(await freshNetwork()).toMatchObject({ flights: 1, worst: 0 });
    await t.mutation(api.rollups.flights.add, { origin: "SFO", destination: "OAK", delay: 77 });
    const { state } = await t.query(api.rollups.dashboard.network);
    expect(state).toBe("stale");
    expect(await freshNetwork()).toMatchObject({ flights: 2, worst: 77 });
  });
});
