import { ADVISED, QUICK_ADVISED } from "./advise/measure";
import type { IdleSizes } from "./costs/idle";
import { CELLS, type Cells, QUICK_CELLS, QUICK_RATIOS, RATIOS, type WorkloadName } from "./costs/scenarios";
import type { FloodSizes } from "./flood";
import type { HitSizes } from "./hit";
import type { TransportSizes } from "./transports/measure";

/** The sizes of a form of the bench. */
export interface Sizes {
  /** The first line of its output. */
  title: string;
  hit: HitSizes;
  storm: FloodSizes;
  fanout: FloodSizes;
  forwards: { clients: number };
  transports: TransportSizes;
  hostileRounds: number;
  overheadRounds: number;
  startupRounds: number;
  idle: IdleSizes;
  /** Rows of a tracked view that depend on one document. */
  sharing: number;
  /** Rows that one tag invalidates. */
  rows: number;
  /** Workloads for which `advise` predicts what a view takes. */
  advised: Record<string, WorkloadName>;
  /** Strategies and workloads whose costs are measured. */
  cells: Cells;
  /** Whether it updates the documentation's figures and plots, which need all costs. */
  isDocumented: boolean;
}

export const HIT: HitSizes = {
  documents: 50,
  documentsLarge: 5_000,
  rounds: 1_000,
  readsPerRound: 10,
};

const STREAM = { batchSize: 128, repeated: 0.1, seed: 20_240_607 };

export const STORM: FloodSizes = { keys: 1, readsPerKey: 10_000, ...STREAM };
export const FANOUT: FloodSizes = { keys: 200, readsPerKey: 50, ...STREAM };

/** The form that measures the documentation's figures. */
export const FULL: Sizes = {
  title: "Full form: all figures, tables and plots. `npm run bench` without --full is the quick one.",
  hit: HIT,
  storm: STORM,
  fanout: FANOUT,
  forwards: { clients: 200 },
  transports: { subscribers: 5, writes: 15, startingWrites: 3, busySeconds: 40, idleSeconds: 5 },
  hostileRounds: 20,
  overheadRounds: 400,
  startupRounds: 400,
  idle: { watched: 50, rounds: 4, invented: 10_000 },
  sharing: 10_000,
  rows: 1_000_000,
  advised: ADVISED,
  cells: CELLS,
  isDocumented: true,
};

/**
 * The same figures with the same goals, in less than half the time. It measures fewer ratios, and leaves out tables
 * that no figure needs. Its fan-out has fewer keys, and its tag and its shared document have fewer rows: the goals do
 * not depend on these sizes.
 */
export const QUICK: Sizes = {
  ...FULL,
  title:
    `Quick form: all figures, costs at ${QUICK_RATIOS.length} of ${RATIOS.length} ratios of reads to writes. ` +
    "`npm run bench -- --full` has all ratios, more tables, and draws the plots.",
  fanout: { ...FANOUT, keys: 50, readsPerKey: 40 },
  transports: { subscribers: 5, writes: 5, startingWrites: 1, busySeconds: 20, idleSeconds: 2 },
  sharing: 1_000,
  rows: 100_000,
  advised: QUICK_ADVISED,
  cells: QUICK_CELLS,
  isDocumented: false,
};
