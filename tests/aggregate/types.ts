import type { Aggregate } from "@convex-dev/aggregate";
import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import { fromAggregate } from "convex-lazy-views/aggregate";
import type { Equal, Expect } from "../package/consumer/types/assert.js";

const table = viewTable({ key: { airport: v.string() }, value: { flights: v.number() } });

/** A compute made of an aggregate: measures give numbers, or sort keys. */
export function aggregates(byAirport: Aggregate<number, string, string>) {
  const compute = fromAggregate(byAirport, {
    select: ({ airport }: { airport: string }) => ({ namespace: airport }),
    measures: { flights: "count", worst: "max", p95: { percentile: 95 } },
  });
  type Value = {
    readonly flights: number;
    readonly worst: number | null;
    readonly p95: number | null;
  };
  type Made = Expect<Equal<Awaited<ReturnType<typeof compute>>, Value>>;
  return [
    null as unknown as Made,
    defineView("airports", {
      table,
      compute: fromAggregate(byAirport, {
        select: ({ airport }: { airport: string }) => ({ namespace: airport }),
        measures: { flights: "count" },
      }),
    }),
    defineView("airports", {
      table,
      // @ts-expect-error the value has a field that is not measured
      compute: fromAggregate(byAirport, {
        select: ({ airport }: { airport: string }) => ({ namespace: airport }),
        measures: { delay: "sum" },
      }),
    }),
    fromAggregate(byAirport, {
      // @ts-expect-error this aggregate has namespaces
      select: () => ({}),
      measures: { flights: "count" },
    }),
    fromAggregate(byAirport, {
      select: () => ({ namespace: "SFO" }),
      // @ts-expect-error no such measure
      measures: { flights: "mean" },
    }),
  ];
}
