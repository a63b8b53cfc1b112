import type { CostRecordings, Measured } from "./measure";
import type { Amounts } from "./meter";
import { mixOf, RATIOS } from "./scenarios";
import { BARE, DEFAULTS, LEASED_SNAPSHOT, strategy, TRACKED } from "./strategies";

/** The library's costs at one ratio of reads to writes. */
export interface RatioFigures {
  /** Reads for each write. */
  ratio: number;
  /** Documents read and written, by strategy, including those of the writes to the source. */
  documents: Record<string, number>;
  /** The form of the view that suits this ratio best, and its documents / those of the clairvoyant. */
  form: string;
  toClairvoyant: number;
  /** The same for a view with declared sources and defaults. */
  defaultsToClairvoyant: number;
  /** The same for a tracked one. */
  trackedToClairvoyant: number;
  /** The best other strategy whose answers are no staler than that form's, and the form's documents / its documents. */
  other: string;
  toOther: number;
  /** The same for values that a change alone cannot update: only strategies that compute them anew are compared. */
  recomputing: Rating;
}

/** The figures that have targets. */
export interface CostFigures {
  ratios: RatioFigures[];
  clairvoyant: { worstRatio: number; worstRatioDefaults: number; worstRatioTracked: number };
  bestOther: { worstRatio: number };
  hotKey: { recomputesPerWindow: number; effectLinesPerMinute: number };
  massInvalidation: { documentsWritten: number; rows: number };
  /** Conflicts of all transactions, for each write to the source. */
  conflicts: { lazy: number; declared: number; tracked: number; trigger: number; triggerCounter: number };
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
const MOMENT_MS = 200;
/** Strategies that update the value from the change alone. */
const COUNTING = ["lazyApplied", "triggerCounter", "aggregate", "aggregateQueued"];

export function costFigures(recordings: Partial<CostRecordings>): Partial<CostFigures> {
  const { ratios, hot, contended, mass } = recordings;
  return {
    ...(ratios && ratioSummary(ratios)),
    ...(hot && { hotKey: hotKeyFigures(hot[0] as Measured) }),
    ...(mass && {
      massInvalidation: { documentsWritten: mass.documentsWritten, rows: mass.rows },
    }),
    ...(contended && { conflicts: conflictFigures(contended) }),
  };
}

function ratioSummary(measured: readonly Measured[]): Pick<CostFigures, "ratios" | "clairvoyant" | "bestOther"> {
  const ratios = RATIOS.flatMap((ratio) => {
    const ofRatio = at(measured, mixOf(ratio));
    return ofRatio.length === 0 ? [] : [ratioFigures(ratio, ofRatio)];
  });
  const worst = (of: (figures: RatioFigures) => number) => Math.max(...ratios.map(of));
  return {
    ratios,
    clairvoyant: {
      worstRatio: worst(({ toClairvoyant }) => toClairvoyant),
      worstRatioDefaults: worst(({ defaultsToClairvoyant }) => defaultsToClairvoyant),
      worstRatioTracked: worst(({ trackedToClairvoyant }) => trackedToClairvoyant),
    },
    bestOther: { worstRatio: worst(({ toOther }) => toOther) },
  };
}

function hotKeyFigures({ recording }: Measured): CostFigures["hotKey"] {
  const { recomputedAt, amounts, countedMs } = recording;
  return {
    recomputesPerWindow: mostInAWindow(recomputedAt),
    effectLinesPerMinute: amounts.logEvents / (countedMs / 60_000),
  };
}

function conflictFigures(contended: readonly Measured[]): CostFigures["conflicts"] {
  const conflicts = (name: string) => {
    const { recording } = contended.find(({ strategy }) => strategy === name) as Measured;
    const { amounts, writes } = recording;
    return (amounts.writeConflicts + amounts.otherConflicts) / writes;
  };
  return {
    lazy: conflicts(LEASED_SNAPSHOT.name),
    declared: conflicts(DEFAULTS.name),
    tracked: conflicts(TRACKED.name),
    trigger: conflicts("triggerRecompute"),
    triggerCounter: conflicts("triggerCounter"),
  };
}

/** The most recomputes that committed in one window. Each commits within a moment of its start. */
function mostInAWindow(recomputedAt: readonly number[]): number {
  const spanMs = WINDOW_MS - MOMENT_MS;
  const within = (from: number) => recomputedAt.filter((at) => at >= from && at < from + spanMs);
  return Math.max(0, ...recomputedAt.map((from) => within(from).length));
}

/** Documents read and written. */
export function documentsOf({ documentsRead, documentsWritten }: Amounts): number {
  return documentsRead + documentsWritten;
}

/** The measurements with one workload. */
export function at(measured: readonly Measured[], workload: Measured["workload"]): Measured[] {
  const name = JSON.stringify(workload);
  return measured.filter((each) => JSON.stringify(each.workload) === name);
}

function ratioFigures(ratio: number, measured: readonly Measured[]): RatioFigures {
  const bare = cost(measured.find((each) => each.strategy === BARE.name) as Measured);
  const rate = (form: Measured, among: readonly Measured[]): Rating => {
    const other = bestOther(form, among);
    const toClairvoyant = cost(form) / (bare + form.recording.bound.documents);
    const toOther = cost(form) / cost(other);
    return { form: form.strategy, toClairvoyant, other: other.strategy, toOther };
  };
  const best = (among: readonly Measured[]) =>
    among
      .filter((each) => strategy(each.strategy).isLazy)
      .map((form) => rate(form, among))
      .reduce((a, b) => (excess(b) < excess(a) ? b : a));
  const ratioOf = ({ name }: { name: string }) =>
    rate(measured.find((each) => each.strategy === name) as Measured, measured).toClairvoyant;
  return {
    ratio,
    documents: Object.fromEntries(measured.map((each) => [each.strategy, cost(each)])),
    ...best(measured),
    defaultsToClairvoyant: ratioOf(DEFAULTS),
    trackedToClairvoyant: ratioOf(TRACKED),
    recomputing: best(measured.filter((each) => !COUNTING.includes(each.strategy))),
  };
}

/** A form of the view, compared with the bound and with the best other strategy. */
export interface Rating {
  form: string;
  toClairvoyant: number;
  other: string;
  toOther: number;
}

/** The larger share of a target that a form uses; above 1, it misses that target. */
function excess({ toClairvoyant, toOther }: Rating): number {
  return Math.max(toClairvoyant / TARGETS.clairvoyant, toOther / TARGETS.other);
}

function cost({ recording }: Measured): number {
  return documentsOf(recording.amounts);
}

/** Of the strategies without a lazy view whose answers are no staler, the one that takes the fewest documents. */
function bestOther(form: Measured, measured: readonly Measured[]): Measured {
  const { promiseMs } = strategy(form.strategy);
  const allowedMs = Math.max(form.recording.staleP99, promiseMs);
  return measured
    .filter(({ strategy: name, recording }) => {
      const other = strategy(name);
      const isOther = !other.isLazy && name !== BARE.name;
      return isOther && other.promiseMs <= promiseMs && recording.staleP99 <= allowedMs;
    })
    .reduce((a, b) => (cost(b) < cost(a) ? b : a));
}
