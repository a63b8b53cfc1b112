import { atMost, exactly, formatNumber, type Line, plain, section } from "../lines";
import { type CostFigures, documentsOf, type Rating, type RatioFigures, TARGETS } from "./figures";
import type { CostRecordings, Measured } from "./measure";
import type { WorkloadName } from "./scenarios";
import { strategy } from "./strategies";

/** The targets and a table for each section, as far as it was measured. */
export function formatCosts(recordings: Partial<CostRecordings>, figures: Partial<CostFigures>): string[] {
  const targets = [
    ...ratioTargets(figures),
    ...hotKeyTargets(figures),
    ...massTargets(figures),
    ...conflictTargets(figures),
  ];
  const titles = Object.entries(TITLES) as [keyof typeof TITLES, string][];
  return [
    ...(targets.length > 0 ? [section(TARGETS_TITLE, targets)] : []),
    ...(figures.ratios ? [ratioTable(figures.ratios)] : []),
    ...titles.flatMap(([name, title]) => {
      const measured = recordings[name];
      return measured === undefined ? [] : [strategyTable(title, measured)];
    }),
  ];
}

const TARGETS_TITLE = "Costs: what the same reads and writes take, in documents read and written";
const TITLES = {
  ratios: "Every strategy, by the share of reads: 50 keys of 50 items at first, of which few are popular",
  inserts: "… with writes that only add",
  sizes: "… by the items of a key, with as many reads as writes",
  subscribers: "… by the subscribers of a key that is written every second",
  bursts: "… with bursts of 60 writes in two seconds, once a minute",
  coldKeys: "… with a thousand keys that were never read before, each read once",
  month: "… with dashboards of 50 keys of 2,000 items: an hour of work, and one at night",
  contended: "… with a hundred writes a second to one key that a client watches",
};

function ratioTargets({ ratios, clairvoyant, bestOther }: Partial<CostFigures>): Line[] {
  if (!ratios || !clairvoyant || !bestOther) return [];
  const worst = `at the worst of ${ratios.length} ratios`;
  return [
    atMost(
      "clairvoyant.worstRatio",
      clairvoyant.worstRatio,
      TARGETS.clairvoyant,
      `the best-suited form / the clairvoyant bound, ${worst}`,
    ),
    atMost(
      "clairvoyant.worstRatioDefaults",
      clairvoyant.worstRatioDefaults,
      TARGETS.defaults,
      `a view with declared sources and defaults / its bound, ${worst}`,
    ),
    plain("clairvoyant.worstRatioTracked", clairvoyant.worstRatioTracked, `a tracked view / its bound, ${worst}`),
    atMost(
      "bestOther.worstRatio",
      bestOther.worstRatio,
      TARGETS.other,
      `that form / the best other strategy that is no staler, ${worst}`,
    ),
  ];
}

function hotKeyTargets({ hotKey }: Partial<CostFigures>): Line[] {
  if (!hotKey) return [];
  return [
    atMost(
      "hotKey.recomputesPerWindow",
      hotKey.recomputesPerWindow,
      TARGETS.recomputesPerWindow,
      "of a key with 5,000 subscribers, while leased",
    ),
    atMost(
      "hotKey.effectLinesPerMinute",
      hotKey.effectLinesPerMinute,
      TARGETS.effectLinesPerMinute,
      "log lines, while leased",
    ),
  ];
}

function massTargets({ massInvalidation }: Partial<CostFigures>): Line[] {
  if (!massInvalidation) return [];
  const { documentsWritten, rows } = massInvalidation;
  const meaning = `one tag of ${formatNumber(rows)} rows`;
  return [exactly("massInvalidation.documentsWritten", documentsWritten, 1, meaning)];
}

function conflictTargets({ conflicts }: Partial<CostFigures>): Line[] {
  if (!conflicts) return [];
  return [
    atMost("conflicts.lazy", conflicts.lazy, TARGETS.conflicts, "conflicts per write, leased in a snapshot"),
    atMost("conflicts.tracked", conflicts.tracked, TARGETS.conflicts, "… of a tracked view"),
    plain("conflicts.declared", conflicts.declared, "… of a view with declared sources"),
    plain("conflicts.trigger", conflicts.trigger, "… of a trigger that computes"),
    plain("conflicts.triggerCounter", conflicts.triggerCounter, "… of a trigger that counts"),
  ];
}

function ratioTable(ratios: readonly RatioFigures[]): string {
  return table("The form that suits each ratio best; and the same for values that must be computed anew", [
    ["reads per write", "sources / bound", "tracked / bound", ...RATED, ...RATED],
    ...ratios.map((each) => [
      String(each.ratio),
      each.defaultsToClairvoyant.toFixed(2),
      each.trackedToClairvoyant.toFixed(2),
      ...rated(each),
      ...rated(each.recomputing),
    ]),
  ]);
}

const RATED = ["form", "/ bound", "best other", "/ other"];

function rated({ form, toClairvoyant, other, toOther }: Rating): string[] {
  return [strategy(form).label, toClairvoyant.toFixed(2), strategy(other).label, toOther.toFixed(2)];
}

function strategyTable(title: string, measured: readonly Measured[]): string {
  return table(title, [
    [
      "workload",
      "strategy",
      "documents",
      "read",
      "written",
      "kB read",
      "kB written",
      "ranges",
      "calls",
      "conflicts",
      "failed",
      "log events",
      "stale p50",
      "p99",
      "reads",
      "empty",
      "bound",
    ],
    ...measured.map(({ strategy: name, workload, recording }) => {
      const { amounts, staleP50, staleP99, answers, unanswered, bound } = recording;
      return [
        workloadText(workload),
        strategy(name).label,
        documentsOf(amounts),
        amounts.documentsRead,
        amounts.documentsWritten,
        amounts.bytesRead / 1_000,
        amounts.bytesWritten / 1_000,
        amounts.indexRanges,
        amounts.functionCalls,
        amounts.writeConflicts + amounts.otherConflicts,
        amounts.failures,
        amounts.logEvents,
        `${(staleP50 / 1_000).toFixed(1)} s`,
        `${(staleP99 / 1_000).toFixed(1)} s`,
        answers,
        unanswered,
        workload.kind === "cold keys" ? "–" : bound.recomputes,
      ].map((cell) => (typeof cell === "number" ? formatNumber(Math.round(cell)) : cell));
    }),
  ]);
}

function workloadText(workload: WorkloadName): string {
  switch (workload.kind) {
    case "mix": {
      const { reads, itemsPerKey } = workload;
      const ratio = reads < 0.5 ? `1:${Math.round((1 - reads) / reads)}` : `${Math.round(reads / (1 - reads))}:1`;
      return `${ratio}, ${formatNumber(itemsPerKey)} items`;
    }
    case "dashboard":
      return workload.isNight ? "an hour at night" : "an hour of work";
    case "watched":
      return `${formatNumber(workload.clients)} subscribers`;
    default:
      return workload.kind;
  }
}

/** Columns as wide as their widest cell: the first two to the left, numbers to the right. */
function table(title: string, rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const isText = (i: number) => rows.slice(1).some((row) => /^[a-z]/.test(row[i] ?? ""));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return [title, ...lines].join("\n");
}
