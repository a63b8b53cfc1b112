import type { CostRecordings, Measured } from "./measure";
import type { Amounts } from "./meter";
import { HOT, mixOf, RATIOS } from "./scenarios";
import { BARE, DEFAULTS, LEASED_SNAPSHOT, strategy } from "./strategies";

/** How the library does at one ratio of reads to writes. */
export interface RatioFigures {
  /** Reads for each write. */
  ratio: number;
  /** Documents read and written, by each strategy, with those of the writes to the source. */
  documents: Record<string, number>;
  /** The form of the view that suits it best, and its documents over those of the clairvoyant. */
  form: string;
  toClairvoyant: number;
  /** The same for a view with nothing but defaults. */
  defaultsToClairvoyant: number;
  /** The best other strategy that serves no staler answers than that form, and the form's documents over its own. */
  other: string;
  toOther: number;
}

/** What the targets are about. */
export interface CostFigures {
  ratios: RatioFigures[];
  clairvoyant: { worstRatio: number; worstRatioDefaults: number };
  bestOther: { worstRatio: number };
  hotKey: {
    recomputesPerWindow: number;
    effectLinesPerMinute: number;
    effectLinesPerRenewal: number;
  };
  massInvalidation: { documentsWritten: number; rows: number };
  /** Transactions run again because of a conflict, for each write to the source. */
  conflicts: { lazy: number; trigger: number; triggerCounter: number };
}

export const TARGETS = {
  clairvoyant: 1.25,
  defaults: 2,
  other: 1.1,
  recomputesPerWindow: 1,
  effectLinesPerMinute: 10,
  conflicts: 0.01,
};

const WINDOW_MS = 10_000;

export function costFigures(recordings: CostRecordings): CostFigures {
  const ratios = RATIOS.map((ratio) => ratioFigures(ratio, at(recordings.ratios, mixOf(ratio))));
  const worst = (of: (figures: RatioFigures) => number) => Math.max(...ratios.map(of));
  const hot = recordings.hot[0] as Measured;
  const minutes = hot.recording.countedMs / 60_000;
  const conflicts = (name: string) => {
    const { recording } = recordings.contended.find(
      ({ strategy }) => strategy === name,
    ) as Measured;
    const { amounts, functions } = recording;
    return (amounts.writesRetried + amounts.othersRetried) / (functions["app:add"]?.calls ?? 0);
  };
  return {
    ratios,
    clairvoyant: {
      worstRatio: worst(({ toClairvoyant }) => toClairvoyant),
      worstRatioDefaults: worst(({ defaultsToClairvoyant }) => defaultsToClairvoyant),
    },
    bestOther: { worstRatio: worst(({ toOther }) => toOther) },
    hotKey: {
      recomputesPerWindow: perWindow(hot.recording.recomputedAt),
      effectLinesPerMinute: hot.recording.amounts.logEvents / minutes,
      effectLinesPerRenewal: HOT.clients,
    },
    massInvalidation: {
      documentsWritten: recordings.mass.documentsWritten,
      rows: recordings.mass.rows,
    },
    conflicts: {
      lazy: conflicts(LEASED_SNAPSHOT.name),
      trigger: conflicts("triggerRecompute"),
      triggerCounter: conflicts("triggerCounter"),
    },
  };
}

/** Recomputes from the first to the last, over the windows between the two. */
function perWindow(recomputedAt: readonly number[]): number {
  const [first = 0, last = 0] = [recomputedAt[0], recomputedAt.at(-1)];
  return ((recomputedAt.length - 1) * WINDOW_MS) / (last - first);
}

/** Documents read and written. */
export function documentsOf({ documentsRead, documentsWritten }: Amounts): number {
  return documentsRead + documentsWritten;
}

/** What was measured with one workload. */
export function at(measured: readonly Measured[], workload: Measured["workload"]): Measured[] {
  const name = JSON.stringify(workload);
  return measured.filter((each) => JSON.stringify(each.workload) === name);
}

function ratioFigures(ratio: number, measured: readonly Measured[]): RatioFigures {
  const cost = ({ recording }: Measured) => documentsOf(recording.amounts);
  const bare = cost(measured.find((each) => each.strategy === BARE.name) as Measured);
  const bounded = (each: Measured) => cost(each) / (bare + each.recording.bound.documents);
  const rated = measured
    .filter((each) => strategy(each.strategy).isLazy)
    .map((form) => {
      const other = bestOther(form, measured);
      return { form, other, toClairvoyant: bounded(form), toOther: cost(form) / cost(other) };
    });
  const excess = (each: (typeof rated)[number]) =>
    Math.max(each.toClairvoyant / TARGETS.clairvoyant, each.toOther / TARGETS.other);
  const best = rated.reduce((a, b) => (excess(b) < excess(a) ? b : a));
  const defaults = rated.find(({ form }) => form.strategy === DEFAULTS.name);
  return {
    ratio,
    documents: Object.fromEntries(measured.map((each) => [each.strategy, cost(each)])),
    form: best.form.strategy,
    toClairvoyant: best.toClairvoyant,
    defaultsToClairvoyant: (defaults as (typeof rated)[number]).toClairvoyant,
    other: best.other.strategy,
    toOther: best.toOther,
  };
}

/** The strategy without a lazy view that takes the fewest documents, of those whose answers are no staler. */
function bestOther(form: Measured, measured: readonly Measured[]): Measured {
  const { promiseMs } = strategy(form.strategy);
  const allowedMs = Math.max(form.recording.staleP99, promiseMs);
  return measured
    .filter(({ strategy: name, recording }) => {
      const other = strategy(name);
      const isOther = !other.isLazy && name !== BARE.name;
      return isOther && other.promiseMs <= promiseMs && recording.staleP99 <= allowedMs;
    })
    .reduce((a, b) =>
      documentsOf(b.recording.amounts) < documentsOf(a.recording.amounts) ? b : a,
    );
}
