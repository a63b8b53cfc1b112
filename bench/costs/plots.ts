import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { at, type CostFigures, documentsOf } from "./figures";
import type { CostRecordings } from "./measure";
import { CLIENTS, mixOf, watchedBy } from "./scenarios";
import { BARE, strategy } from "./strategies";

const FOLDER = fileURLToPath(new URL("../../docs/plots/", import.meta.url));
const SIZE = { width: 520, height: 340, background: "white" };
const CLAIRVOYANT = "the clairvoyant bound";
/** Those that are told apart in a picture: more lines say less. */
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

/** Draws the figures into `docs/plots`. */
export async function drawPlots(recordings: CostRecordings, figures: CostFigures): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await draw("cost-by-ratio", costByRatio(recordings, figures));
  await draw("staleness-by-cost", stalenessByCost(recordings));
  await draw("log-events-by-subscribers", logEventsBySubscribers(recordings));
}

async function draw(name: string, spec: TopLevelSpec): Promise<void> {
  const svg = await new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
  writeFileSync(`${FOLDER}${name}.svg`, svg);
}

function costByRatio({ ratios }: CostRecordings, figures: CostFigures): TopLevelSpec {
  const values = figures.ratios.flatMap(({ ratio, documents }) => [
    ...SHOWN.map((name) => ({
      ratio,
      strategy: strategy(name).label,
      documents: documents[name],
    })),
    {
      ratio,
      strategy: CLAIRVOYANT,
      documents: boundOf(at(ratios, mixOf(ratio))),
    },
  ]);
  return {
    ...SIZE,
    title: "Documents read and written for 3,000 reads and writes of 50 keys",
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

/** The bound of the view with its defaults, with the writes to the source. */
function boundOf(measured: ReturnType<typeof at>): number {
  const of = (name: string) => measured.find((each) => each.strategy === name)?.recording;
  const [bare, defaults] = [of(BARE.name), of("lazy")];
  if (bare === undefined || defaults === undefined) throw new Error("nothing was measured.");
  return documentsOf(bare.amounts) + defaults.bound.documents;
}

function stalenessByCost({ ratios }: CostRecordings): TopLevelSpec {
  const values = at(ratios, mixOf(1))
    .filter(({ strategy: name }) => name !== BARE.name)
    .map(({ strategy: name, recording }) => ({
      strategy: strategy(name).label,
      documents: documentsOf(recording.amounts),
      staleSeconds: recording.staleP99 / 1_000,
    }));
  const encoding = {
    x: {
      field: "documents",
      type: "quantitative",
      scale: { type: "log", padding: 30 },
      title: "documents read and written",
    },
    y: {
      field: "staleSeconds",
      type: "quantitative",
      scale: { type: "symlog" },
      title: "staleness of answers, 99th percentile, in seconds",
    },
  } as const;
  return {
    ...SIZE,
    title: "What fresh answers cost: as many reads as writes",
    data: { values },
    layer: [
      {
        mark: { type: "point", filled: true, size: 70 },
        encoding: { ...encoding, color: colors(values.map(({ strategy: label }) => label)) },
      },
    ],
  };
}

function logEventsBySubscribers({ subscribers }: CostRecordings): TopLevelSpec {
  const names = ["lazy", "lazyLeased"];
  const values = CLIENTS.flatMap((clients) =>
    at(subscribers, watchedBy(clients))
      .filter(({ strategy: name }) => names.includes(name))
      .map(({ strategy: name, recording }) => ({
        clients,
        strategy: strategy(name).label,
        events: (recording.amounts.logEvents * 60_000) / recording.countedMs,
      })),
  );
  return {
    ...SIZE,
    title: "Log events of one key that is written every second",
    data: { values },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "clients", type: "quantitative", scale: { type: "log" }, title: "subscribers" },
      y: {
        field: "events",
        type: "quantitative",
        scale: { type: "symlog" },
        title: "log events a minute",
      },
      color: colors(names.map((name) => strategy(name).label)),
    },
  };
}

/** The same color for the same strategy's place in every picture, and a legend in that order. */
function colors(labels: readonly string[]) {
  return {
    field: "strategy",
    type: "nominal",
    sort: [...labels],
    scale: { scheme: "tableau20" },
    title: null,
  } as const;
}
