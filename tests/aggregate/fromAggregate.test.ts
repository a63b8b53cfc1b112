import { DirectAggregate, TableAggregate } from "@convex-dev/aggregate";
import { componentsGeneric, defineTable, type GenericDataModel } from "convex/server";
import { v } from "convex/values";
import { Triggers } from "convex-helpers/server/triggers";
import { type AnyView, defineView, viewTable } from "convex-lazy-views";
import { fromAggregate, type Measure } from "convex-lazy-views/aggregate";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { components } from "../../examples/components.js";
import { endTestApp, startTestApp } from "../testApp.js";

afterEach(endTestApp);

type Flight = { airport: string; delay: number };
type FlightsModel = GenericDataModel & {
  flights: { document: Flight & { _id: never; _creationTime: number } };
};

const measured = v.union(v.number(), v.null());
const delaysTable = viewTable({
  key: { airport: v.string() },
  value: {
    flights: v.number(),
    minutes: v.number(),
    best: measured,
    worst: measured,
    median: measured,
    p95: measured,
  },
});
const tables = {
  flights: defineTable({ airport: v.string(), delay: v.number() }),
  delays: delaysTable,
};

/** An app with flights, an aggregate over them by airport, and a view of the aggregate. */
function start() {
  const aggregate = new TableAggregate<{
    Namespace: string;
    Key: number;
    DataModel: FlightsModel;
    TableName: "flights";
  }>(componentsGeneric().aggregate as never, {
    namespace: ({ airport }) => airport,
    sortKey: ({ delay }) => delay,
    sumValue: ({ delay }) => delay,
  });
  const triggers = new Triggers<GenericDataModel>();
  triggers.register("flights", aggregate.trigger() as never);
  const delays = defineView("delays", {
    table: delaysTable,
    sources: { flights: ({ airport }: Flight) => [{ airport }] },
    compute: fromAggregate(aggregate, {
      select: ({ airport }: { airport: string }) => ({ namespace: airport }),
      measures: {
        flights: "count",
        minutes: "sum",
        best: "min",
        worst: "max",
        median: { percentile: 50 },
        p95: { percentile: 95 },
      },
    }),
  });
  const app = startTestApp({ tables, views: { delays: delays as AnyView } });
  for (const [path, { schema, modules }] of Object.entries(components)) {
    app.t.registerComponent(path, schema, modules);
  }
  const addFlights = (flights: readonly Flight[]) =>
    app.mutation(async (ctx) => {
      const { db } = triggers.wrapDB(ctx);
      for (const flight of flights) await db.insert("flights", flight);
    });
  const read = (airport: string) => app.settle((ctx) => delays.get(ctx, { airport }));
  return { ...app, aggregate, delays, addFlights, read };
}

/** The expected measures, computed from the numbers. */
function expected(delays: readonly number[]) {
  const sorted = [...delays].sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? null;
  return {
    flights: sorted.length,
    minutes: sorted.reduce((sum, delay) => sum + delay, 0),
    best: sorted[0] ?? null,
    worst: sorted.at(-1) ?? null,
    median: rank(0.5),
    p95: rank(0.95),
  };
}

describe("fromAggregate", () => {
  test("measures nothing as zeros and nulls", async () => {
    const app = start();
    expect(await app.read("SFO")).toEqual(expected([]));
  });

  test("one mutation wrapper keeps the aggregate up to date and marks the row", async () => {
    const app = start();
    await app.addFlights([{ airport: "SFO", delay: 10 }]);
    expect(await app.read("SFO")).toEqual(expected([10]));
    await app.addFlights([
      { airport: "SFO", delay: 30 },
      { airport: "LAX", delay: 99 },
    ]);
    await app.testing.expectState(app.delays, { airport: "SFO" }, "stale");
    expect(await app.read("SFO")).toEqual(expected([10, 30]));
    expect(await app.read("LAX")).toEqual(expected([99]));
  });

  test("agrees with a count of the documents, whatever the numbers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 40 }), async (all) => {
        const app = start();
        await app.addFlights(all.map((delay) => ({ airport: "SFO", delay })));
        expect(await app.read("SFO")).toEqual(expected(all));
        endTestApp();
      }),
      { numRuns: 15 },
    );
  });

  test("a recompute over 2,000 documents reads a few dozen", async () => {
    const app = start();
    for (let batch = 0; batch < 20; batch++) {
      await app.addFlights(Array.from({ length: 100 }, (_, i) => ({ airport: "SFO", delay: (batch * 7 + i) % 90 })));
    }
    const select = () => ({ namespace: "SFO" });
    const documentsRead = (measures: Record<string, Measure>) =>
      app.query(async (ctx) => {
        await fromAggregate(app.aggregate, { select, measures })(ctx, null);
        return (await ctx.meta.getTransactionMetrics()).documentsRead.used;
      });
    expect(await documentsRead({ flights: "count", minutes: "sum" })).toBeLessThan(40);
    expect(await documentsRead({ best: "min", worst: "max" })).toBeLessThan(40);
    expect(await documentsRead({ flights: "count", p95: { percentile: 95 } })).toBeLessThan(40);
    expect(await app.read("SFO")).toMatchObject({ flights: 2_000, best: 0, worst: 89 });
  });

  test("selects within bounds, and makes a value of the measures", async () => {
    const aggregate = new DirectAggregate<{ Key: number; Id: string }>(componentsGeneric().aggregate as never);
    const table = viewTable({
      key: { from: v.number() },
      value: { mean: v.number(), from: v.number() },
    });
    const late = defineView("late", {
      table,
      sources: {},
      compute: fromAggregate(aggregate, {
        select: ({ from }: { from: number }) => ({
          bounds: { lower: { key: from, inclusive: true } },
        }),
        measures: { count: "count", sum: "sum" },
        value: ({ count, sum }, { from }) => ({ mean: sum / count, from }),
      }),
    });
    const app = startTestApp({ tables: { late: table }, views: { late: late as AnyView } });
    for (const [path, { schema, modules }] of Object.entries(components)) {
      app.t.registerComponent(path, schema, modules);
    }
    await app.mutation(async (ctx) => {
      for (const key of [1, 10, 20]) {
        await aggregate.insert(ctx, { key, id: `f${key}`, sumValue: key });
      }
    });
    expect(await app.settle((ctx) => late.get(ctx, { from: 10 }))).toEqual({ mean: 15, from: 10 });
  });

  test.each<[unknown, string]>([
    ["mean", 'measures.m is the string "mean"'],
    [{ percentile: 101 }, "measures.m is the number 101"],
    [{ percentile: "95" }, 'measures.m is the string "95"'],
    [null, "measures.m is null"],
  ])("the measure %o is refused", (measure, message) => {
    const { aggregate } = start();
    const make = () =>
      fromAggregate(aggregate, {
        select: () => ({ namespace: "SFO" }),
        measures: { m: measure as Measure },
      });
    expect(make).toThrow(message);
  });
});
