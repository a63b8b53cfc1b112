import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { LEASE } from "./app/strategies/lazy";
import { at, type CostFigures, documentsOf, type RatioFigures } from "./figures";
import type { CostRecordings, Measured } from "./measure";
import { CLIENTS, mixOf, watchedBy } from "./scenarios";
import { BARE, strategy } from "./strategies";

const FOLDER = fileURLToPath(new URL("../../docs/plots/", import.meta.url));
const SIZE = { width: 520, height: 340, background: "white" };
/** The strategies with a line of their own: more lines could not be told apart. */
const SHOWN = [
  "lazy",
  "lazyApplied",
  "lazyProbedSnapshot",
  "inQuery",
  "triggerRecompute",
  "triggerCounter",
  "aggregate",
  "actionCache",
  "cron",
  "roundTrip",
];
/** The strategies in the plot of staleness by cost: the names of more would overlap. */
const PLACED = [...SHOWN.filter((name) => name !== "lazyProbedSnapshot"), "lazyLeased"];
const IS_VIEW = "indexof(datum.strategy, 'lazy view') === 0";
const CLAIRVOYANT = "the bound: the least possible";

/** Draws what was measured into `docs/plots`. */
export async function drawPlots(
  { ratios, subscribers }: Partial<CostRecordings>,
  figures: Partial<CostFigures>,
): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  if (ratios && figures.ratios) {
    await draw("cost-by-ratio", costByRatio(ratios, figures.ratios));
    await draw("staleness-by-cost", stalenessByCost(ratios));
  }
  if (subscribers) await draw("log-events-by-subscribers", logEventsBySubscribers(subscribers));
}

async function draw(name: string, spec: TopLevelSpec): Promise<void> {
  const svg = await new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
  writeFileSync(`${FOLDER}${name}.svg`, svg);
}

function costByRatio(measured: readonly Measured[], figures: readonly RatioFigures[]): TopLevelSpec {
  const values = figures.flatMap(({ ratio, documents }) => [
    ...SHOWN.map((name) => ({
      ratio,
      strategy: strategy(name).label,
      documents: documents[name],
    })),
    {
      ratio,
      strategy: CLAIRVOYANT,
      documents: boundOf(at(measured, mixOf(ratio))),
    },
  ]);
  return {
    ...SIZE,
    title: "Documents read and written, for the same reads and writes of 50 keys",
    data: { values },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "ratio", type: "quantitative", scale: { type: "log" }, title: "reads per write" },
      y: { field: "documents", type: "quantitative", scale: { type: "log" }, title: "documents" },
      color: colors([...SHOWN.map((name) => strategy(name).label), CLAIRVOYANT]),
      strokeDash: {
        condition: { test: `datum.strategy === '${CLAIRVOYANT}'`, value: [4, 4] },
        value: [1, 0],
      },
    },
  };
}

/** The bound of the view with declared sources, with the writes to the source. */
function boundOf(measured: ReturnType<typeof at>): number {
  const of = (name: string) => measured.find((each) => each.strategy === name)?.recording;
  const [bare, defaults] = [of(BARE.name), of("lazy")];
  if (bare === undefined || defaults === undefined) throw new Error("nothing was measured.");
  return documentsOf(bare.amounts) + defaults.bound.documents;
}

function stalenessByCost(measured: readonly Measured[]): TopLevelSpec {
  const values = at(measured, mixOf(1))
    .filter(({ strategy: name }) => PLACED.includes(name))
    .map(({ strategy: name, recording }) => ({
      strategy: strategy(name).label,
      documents: documentsOf(recording.amounts),
      staleSeconds: recording.staleP99 / 1_000,
    }));
  const encoding = {
    x: {
      field: "documents",
      type: "quantitative",
      scale: { type: "log", domainMin: 2_000, domainMax: 1_000_000 },
      title: "documents read and written",
    },
    y: {
      field: "staleSeconds",
      type: "quantitative",
      scale: { type: "symlog" },
      title: "99 of 100 answers are at most so many seconds old",
    },
    color: {
      condition: { test: IS_VIEW, value: "#1f4e9c" },
      value: "#c62828",
    },
  } as const;
  const named = (filter: string, place: { align: "left" | "right"; dx: number; angle?: number }) => ({
    transform: [{ filter }],
    mark: { type: "text" as const, ...place },
    encoding: { ...encoding, text: { field: "strategy" } },
  });
  return {
    ...SIZE,
    title: "How old answers are, and what they cost, with as many reads as writes",
    data: { values },
    layer: [
      { mark: { type: "point", filled: true, size: 60 }, encoding },
      // So that names do not overlap: those of views stand left of their points, others right, and slanted on the axis.
      named(IS_VIEW, { align: "right", dx: -8 }),
      named(`!(${IS_VIEW}) && datum.staleSeconds >= 1`, { align: "left", dx: 8 }),
      named(`!(${IS_VIEW}) && datum.staleSeconds < 1`, { align: "left", dx: 8, angle: 315 }),
    ],
  };
}

function logEventsBySubscribers(measured: readonly Measured[]): TopLevelSpec {
  const names = ["lazy", "lazyLeased"];
  const withRenewals = `${strategy("lazyLeased").label}, with renewals`;
  const renewed = CLIENTS.map((clients) => ({
    clients,
    strategy: withRenewals,
    // Each subscriber sends one event when a lease ends.
    events: clients / LEASE.minutes,
  }));
  const values = CLIENTS.flatMap((clients) =>
    at(measured, watchedBy(clients))
      .filter(({ strategy: name }) => names.includes(name))
      .map(({ strategy: name, recording }) => ({
        clients,
        strategy: strategy(name).label,
        events: (recording.amounts.logEvents * 60_000) / recording.countedMs,
      })),
  );
  return {
    ...SIZE,
    title: "Lines sent to the log stream, for one key that is written every second",
    data: { values: [...values, ...renewed] },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "clients", type: "quantitative", scale: { type: "log" }, title: "subscribers" },
      y: {
        field: "events",
        type: "quantitative",
        scale: { type: "symlog" },
        title: "lines a minute",
      },
      color: colors([...names.map((name) => strategy(name).label), withRenewals]),
    },
  };
}

/** Blue for the forms of the view, other colors for the others, and a legend in that order. */
function colors(labels: readonly string[]) {
  const blues = ["#1f4e9c", "#3b8be0", "#7fb8f0"];
  const others = ["#2e7d32", "#c62828", "#f9a825", "#8e5bb5", "#00897b", "#8d6e63", "#d81b60", "#333333"];
  const range = labels.map((label) => (label.startsWith("lazy view") ? blues.shift() : others.shift()));
  return {
    field: "strategy",
    type: "nominal",
    scale: { domain: [...labels], range: range as string[] },
    legend: { title: null, labelLimit: 300 },
  } as const;
}
