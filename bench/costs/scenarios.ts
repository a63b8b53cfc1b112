import {
  BARE,
  COMPUTED,
  DEFAULTS,
  LAZY_FORMS,
  LEASED,
  LEASED_SNAPSHOT,
  OTHERS,
  PAGED,
  PAGED_APPLIED,
  type Strategy,
  strategy,
  TRACKED,
} from "./strategies";
import { bursts, coldKeys, dashboard, mix, type Workload, watched } from "./workload";

/** A strategy and the workload that is played to it: small enough to be sent to another process. */
export interface Cell {
  strategy: string;
  workload: WorkloadName;
}

/** A workload and its size. The process that plays it makes its events from the seed. */
export type WorkloadName =
  | {
      kind: "mix";
      /** The share of events that are reads. */
      reads: number;
      keys: number;
      itemsPerKey: number;
      events: number;
      eventsPerSecond: number;
      addsOnly?: boolean;
    }
  | { kind: "bursts" }
  | { kind: "cold keys" }
  | { kind: "dashboard"; isNight: boolean }
  | {
      kind: "watched";
      clients: number;
      itemsPerKey: number;
      writesPerSecond: number;
      seconds: number;
      addsOnly?: boolean;
    };

const SEED = 20_261_125;

/** Reads for each write, from a thousandth to a thousand. */
export const RATIOS = [0.001, 0.01, 0.1, 1, 10, 100, 1_000];
export const SIZES = [50, 500, 5_000, 50_000];
export const CLIENTS = [1, 10, 100, 1_000, 5_000];

export function makeWorkload(name: WorkloadName): Workload {
  switch (name.kind) {
    case "mix":
      return mix({ ...name, seed: SEED });
    case "bursts":
      return bursts({ itemsPerKey: 500, bursts: 6, writesPerBurst: 60, seed: SEED });
    case "cold keys":
      return coldKeys({ keys: 1_000, itemsPerKey: 50, seed: SEED });
    case "dashboard":
      return dashboard({ ...DASHBOARD, ...(name.isNight && { open: 0, opened: 0, writes: 0 }), seed: SEED });
    case "watched":
      return watched({ ...name, seed: SEED });
  }
}

const cells = (strategies: readonly Strategy[], workloads: readonly WorkloadName[]): Cell[] =>
  workloads.flatMap((workload) => strategies.map(({ name }) => ({ strategy: name, workload })));

export const mixOf = (ratio: number) => ({
  kind: "mix" as const,
  reads: ratio / (1 + ratio),
  keys: 50,
  itemsPerKey: 50,
  events: 4_500,
  eventsPerSecond: 10,
});

/** The ratios for writes that only add items: an added item is one document, a changed one three. */
export const INSERT_RATIOS = [0.001, 1];
export const insertsOf = (ratio: number) => ({ ...mixOf(ratio), addsOnly: true });

export const sizedMix = (itemsPerKey: number): WorkloadName => ({
  kind: "mix",
  reads: 0.5,
  keys: 1,
  itemsPerKey,
  events: 200,
  eventsPerSecond: 2,
});

export const watchedBy = (clients: number) => ({
  kind: "watched" as const,
  clients,
  itemsPerKey: 50,
  writesPerSecond: 1,
  seconds: 120,
});

/** A key with 5,000 subscribers, for most of its lease. */
export const HOT = { ...watchedBy(5_000), seconds: 540 };
/** A key that is written a hundred times a second, while a client watches it. */
export const CONTENDED: WorkloadName = {
  kind: "watched",
  clients: 1,
  itemsPerKey: 50,
  writesPerSecond: 100,
  seconds: 20,
  addsOnly: true,
};

/** A working hour of the app whose month the documentation counts: see `bench/month.ts`. */
export const DASHBOARD = { keys: 50, itemsPerKey: 2_000, open: 10, opened: 25, writes: 2_500, heartbeats: 12 };
export const hourOf = (isNight: boolean) => ({ kind: "dashboard" as const, isNight });

/** Strategies that work for any number of items. */
const FOR_ANY_SIZE = [PAGED, PAGED_APPLIED, strategy("triggerCounter")];
/** Strategies that read all items of a key in one transaction, or (`aggregate`) need minutes of preparation. */
const FOR_SOME_SIZE = ["lazy", "inQuery", "triggerRecompute", "aggregate"].map(strategy);
const SOME_SIZE = 5_000;

/** Forms of the view whose month the documentation counts. */
export const MONTHLY = ["lazyTracked", "lazyPatient", "lazyApplied"];

const FOR_EACH_RATIO = [BARE, ...LAZY_FORMS, ...OTHERS];

/** The longest come first, so that all cores end at about the same time. */
export const CELLS = {
  month: [
    ...cells(["inQuery", "triggerCounter", ...MONTHLY].map(strategy), [hourOf(false)]),
    ...cells(MONTHLY.map(strategy), [hourOf(true)]),
  ],
  contended: cells(
    [
      LEASED_SNAPSHOT,
      ...["lazy", "lazyTracked", "lazyApplied", "inQuery", "triggerRecompute", "triggerCounter"].map(strategy),
      ...["aggregate", "aggregateQueued", "cron"].map(strategy),
    ],
    [CONTENDED],
  ),
  inserts: cells(
    [BARE, ...["lazy", "lazyTracked", "lazyApplied", "lazyProbed", "inQuery", "triggerCounter"].map(strategy)],
    INSERT_RATIOS.map(insertsOf),
  ),
  ratios: cells(FOR_EACH_RATIO, RATIOS.map(mixOf)),
  sizes: [
    ...cells(FOR_ANY_SIZE, SIZES.map(sizedMix)),
    ...cells(FOR_SOME_SIZE, SIZES.filter((size) => size <= SOME_SIZE).map(sizedMix)),
  ],
  subscribers: [
    ...cells(
      ["lazy", "lazyLeased", "lazyApplied", "inQuery", "triggerCounter", "aggregate", "cron"].map(strategy),
      CLIENTS.map(watchedBy),
    ),
    // Few clients: all of them call a mutation at the same time.
    ...cells([strategy("roundTrip")], CLIENTS.filter((clients) => clients <= 100).map(watchedBy)),
  ],
  bursts: cells([BARE, ...LAZY_FORMS, ...OTHERS], [{ kind: "bursts" }]),
  // The strategies left out have the values of all keys before the first read.
  coldKeys: cells([DEFAULTS, COMPUTED, ...["inQuery", "actionCache"].map(strategy)], [{ kind: "cold keys" }]),
  hot: cells([LEASED], [HOT]),
} satisfies Record<string, Cell[]>;

export type SectionName = keyof typeof CELLS;

/** The cells of some sections. */
export type Cells = Partial<Record<SectionName, Cell[]>>;

/** The ratios of the quick form; among them 1:100, at which the library is furthest from its goals. */
export const QUICK_RATIOS = [0.01, 1, 100];

/** The cells of the quick form: only those that figures need, at fewer ratios. */
export const QUICK_CELLS: Cells = {
  contended: cells(
    [strategy("triggerRecompute"), LEASED_SNAPSHOT, DEFAULTS, TRACKED, strategy("triggerCounter")],
    [CONTENDED],
  ),
  ratios: cells(FOR_EACH_RATIO, QUICK_RATIOS.map(mixOf)),
  hot: CELLS.hot,
};
