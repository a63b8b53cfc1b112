import { TableAggregate } from "@convex-dev/aggregate";
import { anyOf, defineView, invalidated, olderThan } from "convex-lazy-views";
import { fromAggregate } from "convex-lazy-views/aggregate";
import { components } from "../_generated/api";
import type { DataModel, Doc } from "../_generated/dataModel";
import { networkStatsTable } from "./viewTables";

/** All flights by delay. A trigger of `lazy.ts` keeps it up to date. */
export const flightDelays = new TableAggregate<{
  Key: number;
  DataModel: DataModel;
  TableName: "flights";
}>(components.aggregate, {
  sortKey: (flight) => flight.delay,
  sumValue: (flight) => flight.delay,
});

/** The whole network. `compute` reads the aggregate some dozen times, however many flights there are. */
export const networkStats = defineView("networkStats", {
  table: networkStatsTable,
  // Declared, because the library cannot track what a component reads.
  sources: { flights: (_: Doc<"flights">) => [{}] },
  staleWhen: anyOf(invalidated(), olderThan({ hours: 1 })),
  window: { seconds: 2 },
  compute: fromAggregate(flightDelays, {
    select: () => ({}),
    measures: {
      flights: "count",
      minutes: "sum",
      median: { percentile: 50 },
      p95: { percentile: 95 },
      worst: "max",
    },
    value: ({ minutes, ...measured }) => ({
      ...measured,
      meanDelay: measured.flights === 0 ? null : minutes / measured.flights,
    }),
  }),
});
