import { atMost, exactly, formatNumber, plain, section } from "../lines";
import { type CostFigures, documentsOf, type Rating, TARGETS } from "./figures";
import type { CostRecordings, Measured } from "./measure";
import type { WorkloadName } from "./scenarios";
import { strategy } from "./strategies";

/** The targets, and a table for each question. */
export function formatCosts(recordings: CostRecordings, figures: CostFigures): string {
  return [
    targets(figures),
    ratioTable(figures),
    ...(
      ["ratios", "inserts", "sizes", "subscribers", "bursts", "coldKeys", "contended"] as const
    ).map((name) => strategyTable(TITLES[name], recordings[name])),
  ].join("\n\n");
}

const TITLES = {
  ratios:
    "Every strategy, by the share of reads: 50 keys of 50 items at first, of which few are popular",
  sizes: "… by the items of a key, with as many reads as writes",
  subscribers: "… by the subscribers of a key that is written every second",
  bursts: "… with bursts of 60 writes in two seconds, once a minute",
  coldKeys: "… with a thousand keys that nobody has read before, each read once",
  inserts: "… with writes that only add",
  contended: "… with a hundred writes a second to one key that somebody watches",
};

function targets({ clairvoyant, bestOther, hotKey, massInvalidation, conflicts }: CostFigures) {
  return section("Costs: what the same reads and writes take, in documents read and written", [
    atMost(
      "clairvoyant.worstRatio",
      clairvoyant.worstRatio,
      TARGETS.clairvoyant,
      "the best-suited form / the clairvoyant bound",
    ),
    atMost(
      "clairvoyant.worstRatioDefaults",
      clairvoyant.worstRatioDefaults,
      TARGETS.defaults,
      "a view with defaults / its bound",
    ),
    atMost(
      "bestOther.worstRatio",
      bestOther.worstRatio,
      TARGETS.other,
      "that form / the best other strategy that is no staler",
    ),
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
    exactly(
      "massInvalidation.documentsWritten",
      massInvalidation.documentsWritten,
      1,
      `one tag of ${formatNumber(massInvalidation.rows)} rows`,
    ),
    atMost(
      "conflicts.lazy",
      conflicts.lazy,
      TARGETS.conflicts,
      "conflicts per write, leased in a snapshot",
    ),
    plain("conflicts.trigger", conflicts.trigger, "… of a trigger that computes"),
    plain("conflicts.triggerCounter", conflicts.triggerCounter, "… of a trigger that counts"),
  ]);
}

function ratioTable({ ratios }: CostFigures): string {
  return table(
    "The form that suits each ratio best; and the same for values that must be computed anew",
    [
      ["reads per write", "defaults / bound", ...RATED, ...RATED],
      ...ratios.map((each) => [
        String(each.ratio),
        each.defaultsToClairvoyant.toFixed(2),
        ...rated(each),
        ...rated(each.recomputing),
      ]),
    ],
  );
}

const RATED = ["form", "/ bound", "best other", "/ other"];

function rated({ form, toClairvoyant, other, toOther }: Rating): string[] {
  return [
    strategy(form).label,
    toClairvoyant.toFixed(2),
    strategy(other).label,
    toOther.toFixed(2),
  ];
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
      const ratio =
        reads < 0.5
          ? `1:${Math.round((1 - reads) / reads)}`
          : `${Math.round(reads / (1 - reads))}:1`;
      return `${ratio}, ${formatNumber(itemsPerKey)} items`;
    }
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
