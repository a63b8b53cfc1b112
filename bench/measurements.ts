import { measureAdvice } from "./advise/measure";
import { measureIdle } from "./costs/idle";
import { compileStrategies } from "./costs/isolates";
import { invalidateRows } from "./costs/mass";
import { measureFlood } from "./flood";
import { measureForwards } from "./forwards";
import { measureHit } from "./hit";
import { measureHostileBody } from "./hostileBody";
import { measureForwardsOfDashboards } from "./month";
import { measureOverhead } from "./overhead";
import type { Sizes } from "./sizes";
import { measureStartup } from "./startup/startup";
import { measureOperations } from "./tracking/measure";
import type { TrackingFigures } from "./tracking/report";
import { measureShared } from "./tracking/shared";
import { measureTransports } from "./transports/measure";
import { measureWrites } from "./writes";

/** Measurements that need an idle machine: they run one after the other, in this order. */
export const MEASUREMENTS = {
  hit: ({ hit }: Sizes) => measureHit(hit),
  storm: ({ storm }: Sizes) => measureFlood(storm),
  fanout: ({ fanout }: Sizes) => measureFlood(fanout),
  writes: () => measureWrites(),
  tracking: async ({ sharing }: Sizes): Promise<TrackingFigures> => ({
    operations: await measureOperations(),
    registered: await measureShared(64, await compileStrategies()),
    shared: await measureShared(sharing, await compileStrategies()),
  }),
  forwards: ({ forwards }: Sizes) => measureForwards(forwards),
  transports: ({ transports }: Sizes) => measureTransports(transports),
  dashboardForwards: () => measureForwardsOfDashboards(),
  hostileBody: ({ hostileRounds }: Sizes) => measureHostileBody(hostileRounds),
  overhead: ({ overheadRounds }: Sizes) => measureOverhead(overheadRounds),
  startup: ({ startupRounds }: Sizes) => measureStartup(startupRounds),
  idle: async ({ idle }: Sizes) => await measureIdle(idle, await compileStrategies()),
  advice: async ({ advised }: Sizes) => await measureAdvice(advised, await compileStrategies()),
  mass: async ({ rows }: Sizes) => await invalidateRows(rows, await compileStrategies()),
};

export type MeasurementName = keyof typeof MEASUREMENTS;

/** The result of each measurement. */
export type Figures = {
  [Name in MeasurementName]: Awaited<ReturnType<(typeof MEASUREMENTS)[Name]>>;
};
